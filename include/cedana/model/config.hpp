// SPDX-License-Identifier: Apache-2.0
// The settings as typed values, with their defaults. What they are called outside, what they mean and what they
// may be is in settings.hpp; where they come from is in loaded_config.hpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cedana {

// How a checkpoint's pages are compressed; any unzip reads deflate.
enum class Compression { zstd, deflate, none };

// Which files of the tree are copied into the checkpoint.
enum class Capture { writable, none };

// As written in the config file: "zstd".
[[nodiscard]] std::string_view name_of(Compression compression);
[[nodiscard]] std::string_view name_of(Capture capture);

struct Config {
    std::string client_process_name;
    bool client_leave_running = true;
    bool client_signal_process_pre_dump = false;
    std::chrono::seconds client_signal_process_timeout{30};
    std::string client_signal_process_done_file;
    bool client_lazy_restore = false;

    std::string shared_storage_dump_storage_dir;
    std::string shared_storage_mount_point;
    bool shared_storage_require_mount = false;
    std::int64_t shared_storage_keep_last = 0;
    std::int64_t shared_storage_keep_days = 0;

    std::string action_scripts_pre_dump;
    std::string action_scripts_post_dump;
    std::string action_scripts_pre_restore;
    std::string action_scripts_post_restore;
    std::chrono::seconds action_scripts_timeout{300};

    std::chrono::seconds dump_freeze_limit{60};
    // 0: never.
    std::int64_t dump_pre_copy_mib = 256;
    std::int64_t dump_folder_mib = 32;

    Compression archive_compression = Compression::zstd;
    std::int64_t archive_level = 1;
    std::int64_t archive_threads = 0;
    std::int64_t archive_buffer_mib = 0;

    Capture files_capture = Capture::writable;
    std::int64_t files_capture_limit_mib = 256;

    std::string security_signing_key;
    std::string security_trusted_keys;
    bool security_strict_permissions = true;
    std::string security_encryption_key;
    std::string security_recipients;
    std::string security_identity;
    bool security_receive_unsigned = false;
    std::vector<std::string> security_receive_folders;

    std::string run_interval;
    std::int64_t run_overhead_percent = 1;
    std::string run_restart = "on-abnormal";
    std::int64_t run_max_restarts = 5;
    std::int64_t run_keep = 3;
    std::chrono::seconds run_lease{60};
    bool run_pid_namespace = true;
    std::chrono::seconds run_deadline{0};
    std::string run_notice;
    std::string run_on_failure;
    std::string metrics_textfile_dir;

    std::string criu_path = "criu";
    std::vector<std::string> criu_extra_args;

    std::string containers_podman = "podman";
    std::string containers_docker = "docker";
    std::string containers_runc = "runc";

    bool operator==(const Config&) const = default;
};

} // namespace cedana
