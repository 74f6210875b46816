// SPDX-License-Identifier: Apache-2.0
#include "cedana/model/settings.hpp"

#include "cedana/base/text.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace cedana {

namespace {

struct Limits {
    Bounds bounds = {};
    SetBy set_by = SetBy::anyone;
    Holds holds = Holds::text;
};

Setting setting(std::string_view key, SettingMember member, std::string_view meaning, Limits limits = {}) {
    return {.key = key,
            .member = member,
            .meaning = meaning,
            .bounds = limits.bounds,
            .set_by = limits.set_by,
            .holds = limits.holds};
}

// The most MiB whose bytes, and sums of a few of them, fit into 64 bits: 16 TiB.
constexpr std::int64_t k_most_mib = 16L * 1024 * 1024;
constexpr std::int64_t k_day_in_seconds = 24L * 60 * 60;

} // namespace

std::span<const Setting> settings() {
    static const std::array k_settings = {
        setting("client.process_name", &Config::client_process_name, "used when -p and -n are absent"),
        setting("client.leave_running", &Config::client_leave_running, "keep the tree running after the dump"),
        setting("client.signal_process_pre_dump", &Config::client_signal_process_pre_dump,
                "send SIGUSR1 to the root process first and wait"),
        setting("client.signal_process_timeout", &Config::client_signal_process_timeout,
                "seconds to wait after the signal", {.bounds = {.lowest = 0, .highest = k_day_in_seconds}}),
        setting("client.signal_process_done_file", &Config::client_signal_process_done_file,
                "end the wait early once this file appears; may be empty", {.holds = Holds::path}),
        setting("client.lazy_restore", &Config::client_lazy_restore,
                "restore as with --lazy: the tree runs at once, and its memory comes on demand"),
        setting("shared_storage.dump_storage_dir", &Config::shared_storage_dump_storage_dir,
                "where checkpoints go when -d is absent", {.holds = Holds::path}),
        setting("shared_storage.mount_point", &Config::shared_storage_mount_point,
                "if set, the finished zip is moved there", {.holds = Holds::path}),
        setting("shared_storage.require_mount", &Config::shared_storage_require_mount,
                "refuse a mount point that is a plain folder because nothing is mounted there"),
        setting("shared_storage.keep_last", &Config::shared_storage_keep_last,
                "how many of each program `client prune` keeps at least, the newest; 0: as many as keep_days says",
                {.bounds = {.lowest = 0, .highest = 1'000'000}}),
        setting("shared_storage.keep_days", &Config::shared_storage_keep_days,
                "for how many days `client prune` keeps a checkpoint at least; 0: as keep_last says",
                {.bounds = {.lowest = 0, .highest = 36'500}}),
        setting("action_scripts.pre_dump", &Config::action_scripts_pre_dump,
                "executable run before a dump; its failure stops the dump",
                {.set_by = SetBy::root, .holds = Holds::path}),
        setting("action_scripts.post_dump", &Config::action_scripts_post_dump, "executable run after a dump",
                {.set_by = SetBy::root, .holds = Holds::path}),
        setting("action_scripts.pre_restore", &Config::action_scripts_pre_restore,
                "executable run before a restore; its failure stops the restore",
                {.set_by = SetBy::root, .holds = Holds::path}),
        setting("action_scripts.post_restore", &Config::action_scripts_post_restore, "executable run after a restore",
                {.set_by = SetBy::root, .holds = Holds::path}),
        setting("action_scripts.timeout", &Config::action_scripts_timeout,
                "seconds after which one of them is ended, and has failed",
                {.bounds = {.lowest = 1, .highest = k_day_in_seconds}, .set_by = SetBy::root}),
        setting("dump.freeze_limit", &Config::dump_freeze_limit,
                "seconds in which nothing moves before a dump lets a frozen tree run on and fails; 0: none",
                {.bounds = {.lowest = 0, .highest = k_day_in_seconds}}),
        setting("dump.pre_copy_mib", &Config::dump_pre_copy_mib,
                "MiB of memory from which on it is copied before a tree stands still, where that can be; 0: never",
                {.bounds = {.lowest = 0, .highest = k_most_mib}}),
        setting("dump.folder_mib", &Config::dump_folder_mib,
                "MiB of memory, or of each process, up to which criu writes its images into memory at once; 0: never",
                {.bounds = {.lowest = 0, .highest = k_most_mib}}),
        setting("archive.compression", &Config::archive_compression,
                "how memory is compressed; any unzip reads deflate"),
        setting("archive.level", &Config::archive_level, "compression level; deflate has none above 9",
                {.bounds = {.lowest = 1, .highest = 22}}),
        setting("archive.threads", &Config::archive_threads, "threads that compress; 0: one per core",
                {.bounds = {.lowest = 0, .highest = 1024}}),
        setting("archive.buffer_mib", &Config::archive_buffer_mib,
                "memory in which a dump may run ahead of compression; 0: a quarter of what is available",
                {.bounds = {.lowest = 0, .highest = k_most_mib}}),
        setting("files.capture", &Config::files_capture, "which open files are copied into the checkpoint"),
        setting("files.capture_limit_mib", &Config::files_capture_limit_mib,
                "a larger open file is not copied, only its size and a digest are recorded",
                {.bounds = {.lowest = 0, .highest = k_most_mib}}),
        setting("security.signing_key", &Config::security_signing_key,
                "file of the private key that signs each checkpoint; `cedana config keygen FILE` makes one",
                {.set_by = SetBy::administrator, .holds = Holds::path}),
        setting("security.trusted_keys", &Config::security_trusted_keys,
                "file of public keys, one a line; if set, only checkpoints that one of them signed are restored",
                {.set_by = SetBy::administrator, .holds = Holds::path}),
        setting("security.strict_permissions", &Config::security_strict_permissions,
                "refuse files, programs and folders that others can change", {.set_by = SetBy::administrator}),
        setting("security.encryption_key", &Config::security_encryption_key,
                "file of 32 random bytes; if set, checkpoints are encrypted, and what it encrypted is decrypted",
                {.set_by = SetBy::administrator, .holds = Holds::path}),
        setting("security.recipients", &Config::security_recipients,
                "file of public keys, one a line; if set, checkpoints are encrypted for whoever has the private ones",
                {.set_by = SetBy::administrator, .holds = Holds::path}),
        setting("security.identity", &Config::security_identity,
                "file of the private key of a recipient, which decrypts",
                {.set_by = SetBy::administrator, .holds = Holds::path}),
        setting("security.receive_unsigned", &Config::security_receive_unsigned,
                "take migrations from other hosts though no key of security.trusted_keys has signed them",
                {.set_by = SetBy::administrator}),
        setting("security.receive_folders", &Config::security_receive_folders,
                "folders below which migrations from other hosts may put files", {.set_by = SetBy::administrator}),
        setting("run.interval", &Config::run_interval,
                "how often `client run` makes a checkpoint: a duration, or auto; empty: when it is asked to"),
        setting("run.overhead_percent", &Config::run_overhead_percent,
                "how much of its time a job may lose to checkpoints with the interval auto",
                {.bounds = {.lowest = 1, .highest = 50}}),
        setting("run.restart", &Config::run_restart,
                "when a job that has ended is brought back: no, on-abnormal, on-failure, always"),
        setting("run.max_restarts", &Config::run_max_restarts, "how often, without a checkpoint in between",
                {.bounds = {.lowest = 0, .highest = 1'000'000}}),
        setting("run.keep", &Config::run_keep, "how many checkpoints of a job stay",
                {.bounds = {.lowest = 1, .highest = 1'000'000}}),
        setting(
            "run.lease", &Config::run_lease,
            "seconds in which other hosts must see nothing of a job before they take it over; 0: none has its store",
            {.bounds = {.lowest = 0, .highest = k_day_in_seconds}}),
        setting("run.pid_namespace", &Config::run_pid_namespace,
                "give each new job a pid namespace of its own; without one it comes back only where its pids are free"),
        setting("run.deadline", &Config::run_deadline,
                "seconds that a job has for its last checkpoint; 0: as long as that takes",
                {.bounds = {.lowest = 0, .highest = k_day_in_seconds}}),
        setting("run.notice", &Config::run_notice,
                "a command beside each job, run as the caller; its end with 0 is the notice that this host is to go"),
        setting("run.on_failure", &Config::run_on_failure,
                "a command, run as the caller, when a job has failed, or three checkpoints of it in a row"),
        setting("metrics.textfile_dir", &Config::metrics_textfile_dir,
                "folder into which each job and each dump writes how it is, as OpenMetrics text; empty: none",
                {.set_by = SetBy::administrator, .holds = Holds::path}),
        setting("criu.path", &Config::criu_path, "the CRIU binary", {.set_by = SetBy::root, .holds = Holds::path}),
        setting("criu.extra_args", &Config::criu_extra_args, "passed on to CRIU as they are", {.set_by = SetBy::root}),
        setting("containers.podman", &Config::containers_podman, "the podman program",
                {.set_by = SetBy::root, .holds = Holds::path}),
        setting("containers.docker", &Config::containers_docker, "the docker program",
                {.set_by = SetBy::root, .holds = Holds::path}),
        setting("containers.runc", &Config::containers_runc, "the runc program",
                {.set_by = SetBy::root, .holds = Holds::path}),
    };
    return k_settings;
}

std::string Setting::environment_name() const {
    std::string name = "CEDANA_";
    for (const char c : key)
        name += c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return name;
}

const Setting* find_setting(std::string_view key) {
    const auto all = settings();
    const auto found = std::ranges::find(all, key, &Setting::key);
    return found == all.end() ? nullptr : &*found;
}

bool is_group(std::string_view name) {
    return std::ranges::any_of(settings(), [&](const Setting& setting) { return setting.group() == name; });
}

std::string nearest_setting(std::string_view unknown) {
    std::vector<std::string> known;
    for (const Setting& setting : settings()) {
        known.emplace_back(setting.key);
        known.emplace_back(setting.group());
    }
    if (std::string found = nearest(unknown, known); !found.empty())
        return found;
    // The right name in the wrong group, or in none.
    const std::string_view name = unknown.substr(unknown.rfind('.') + 1);
    const auto all = settings();
    const auto same = std::ranges::find(all, name, &Setting::name);
    return same == all.end() ? std::string() : std::string(same->key);
}

} // namespace cedana
