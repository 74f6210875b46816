// SPDX-License-Identifier: Apache-2.0
#include "cedana/host/doctor.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/state_folder.hpp"
#include "cedana/base/text.hpp"
#include "cedana/containers/docker_restore.hpp"
#include "cedana/criu/compatibility.hpp"
#include "cedana/criu/environment.hpp"
#include "cedana/files/checkpoint_file.hpp"
#include "cedana/files/default_store.hpp"
#include "cedana/host/description.hpp"
#include "cedana/host/hooks.hpp"
#include "cedana/host/kernel_checks.hpp"
#include "cedana/host/key_check.hpp"
#include "cedana/host/permissions.hpp"
#include "cedana/host/store_check.hpp"
#include "cedana/model/callers_place.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include <spdlog/fmt/fmt.h>

#include <sys/stat.h>
#include <unistd.h>

namespace cedana {

namespace {

Requirement failed(std::string name, const Error& error, std::string needed) {
    return {.name = std::move(name),
            .standing = Standing::bad,
            .found = error.message(),
            .needed = std::move(needed),
            .remedy = error.hint()};
}

class EnvironmentCheck {
  public:
    explicit EnvironmentCheck(const ConfigSources& sources) : sources_(sources) {}

    std::vector<Requirement> run() {
        load();
        if (const auto status = Procfs().status(::getpid()))
            std::ranges::move(check_privileges(*status), std::back_inserter(found_));
        found_.push_back(check_tracing());
        if (find_criu()) {
            ask_criu();
            found_.push_back(check_network_lock());
        }
        found_.push_back(check_userfaultfd());
        found_.push_back(check_cgroups());
        found_.push_back(check_own_cgroup());
        check_work_folder();
        check_permissions();
        check_hooks();
        check_caller();
        check_docker();
        check_folders();
        std::ranges::move(check_keys(config_), std::back_inserter(found_));
        if (::geteuid() != 0)
            leave_to_root();
        return std::move(found_);
    }

  private:
    void load() {
        try {
            const LoadedConfig loaded = load_config(sources_);
            config_ = loaded.values;
            found_.push_back(describe(loaded.user_file));
            for (const std::string& warning : loaded.warnings)
                found_.push_back({.name = "config",
                                  .standing = Standing::doubtful,
                                  .found = warning,
                                  .needed = "settings that count",
                                  .remedy = "change the file, or see with `cedana config show` what counts"});
        } catch (const Error& error) {
            found_.push_back(failed("config", error, "a config file that can be read"));
        }
    }

    static Requirement describe(const std::filesystem::path& file) {
        struct ::stat info {};
        if (file.empty() || ::stat(file.c_str(), &info) != 0 || !S_ISREG(info.st_mode))
            return met("config", "defaults: there is no file");
        std::string found = fmt::format("{} (owner {}, mode {:04o})", printable(file.string()), info.st_uid,
                                        static_cast<unsigned>(info.st_mode) & 07777U);
        if ((info.st_mode & (S_IWGRP | S_IWOTH)) == 0)
            return met("config", std::move(found));
        return {.name = "config",
                .standing = Standing::doubtful,
                .found = found + ": others can change what is dumped, and where to",
                .needed = "a file that only its owner can write",
                .remedy = fmt::format("chmod go-w {}", shell_word(file.string()))};
    }

    // Only where a daemon answers, which it does root.
    void check_docker() {
        if (::geteuid() != 0)
            return;
        try {
            const containers::Engine docker = containers::require_engine(containers::EngineKind::docker, config_);
            if (containers::has_own_runtime(docker))
                found_.push_back(met("docker", "knows cedana as a runtime, by which its containers come back"));
            else
                found_.push_back({.name = "docker",
                                  .standing = Standing::doubtful,
                                  .found = "does not know cedana as a runtime: its containers can be dumped alone",
                                  .needed = "an entry in its settings",
                                  .remedy = "cedana container setup docker, and then: systemctl reload docker"});
        } catch (const Error&) {
            // It is not there, or does not run.
        }
    }

    bool find_criu() {
        try {
            program_ = find_trusted_criu(config_);
            version_ = criu::require_version(program_);
            found_.push_back(met("criu", fmt::format("{}, version {}", program_, version_)));
            return true;
        } catch (const Error& error) {
            found_.push_back(failed("criu", error, "CRIU 4.0 or later"));
            return false;
        }
    }

    void ask_criu() {
        const std::string kernel = describe_host().kernel;
        if (const auto flaw = criu::known_flaw(version_, kernel))
            found_.push_back({.name = "kernel",
                              .standing = Standing::bad,
                              .found = fmt::format("Linux {} with CRIU {}: {}", kernel, version_, flaw->consequence),
                              .needed = fmt::format("CRIU {} or later", flaw->mended_in),
                              .remedy = std::string(criu::k_install_criu)});
        else
            found_.push_back(met("kernel", fmt::format("Linux {}; no known trouble with CRIU {}", kernel, version_)));
        try {
            if (const auto reason = criu::failed_check(program_))
                found_.push_back({.name = "criu check",
                                  .standing = Standing::bad,
                                  .found = *reason,
                                  .needed = "that CRIU's own check passes",
                                  .remedy = fmt::format("see what `{} check` says", shell_word(program_)),
                                  .permanent = "a kernel built with CONFIG_CHECKPOINT_RESTORE and the *_DIAG options"});
            else
                found_.push_back(met("criu check", "passes: the kernel has the features that CRIU needs"));
        } catch (const Error& error) {
            found_.push_back(failed("criu check", error, "that CRIU's own check passes"));
        }
    }

    // CRIU blocks connections of what it dumps by nftables, through a library, or by the program iptables-restore.
    [[nodiscard]] Requirement check_network_lock() const {
        if (!criu::usable_network_lock(program_).empty())
            return met("network lock", "nftables");
        try {
            return met("network lock", criu::find_program("iptables-restore"));
        } catch (const Error&) {
            return {.name = "network lock",
                    .standing = Standing::doubtful,
                    .found = "neither nftables nor iptables: established TCP connections cannot be dumped",
                    .needed = "nftables in the kernel and in CRIU, or iptables",
                    .remedy = "modprobe nf_tables, or apt-get install iptables",
                    .permanent = "nf_tables in /etc/modules-load.d/cedana.conf"};
        }
    }

    void check_work_folder() {
        if (::geteuid() != 0)
            return;
        try {
            found_.push_back(met("work folder", state_folder().string()));
        } catch (const Error& error) {
            found_.push_back(failed("work folder", error, "a folder of root's own"));
        }
    }

    // What a user is refused says nothing of this host, and its remedy would be none: whatever else is doubtful, root
    // must be asked.
    void leave_to_root() {
        static constexpr std::array<std::string_view, 6> k_same_for_all = {"config", "root",   "tracing",
                                                                           "criu",   "kernel", "permissions"};
        for (Requirement& one : found_)
            if (one.standing != Standing::good && std::ranges::count(k_same_for_all, one.name) == 0)
                one = {.name = one.name,
                       .standing = Standing::doubtful,
                       .found = "only root can tell",
                       .needed = "",
                       .remedy = "run it with sudo"};
    }

    void check_folders() {
        const std::string& store = config_.shared_storage_dump_storage_dir;
        const std::string& mount = config_.shared_storage_mount_point;
        std::error_code ignored;
        if (store.empty() && !std::filesystem::exists(k_default_store, ignored))
            found_.push_back(met("store", fmt::format("{}, which the first dump makes", k_default_store)));
        else if (store.empty())
            check_folder({.name = "store", .setting = "shared_storage.dump_storage_dir", .folder = k_default_store});
        else
            check_folder({.name = "store", .setting = "shared_storage.dump_storage_dir", .folder = store});
        if (!mount.empty())
            check_folder({.name = "mount point",
                          .setting = "shared_storage.mount_point",
                          .folder = mount,
                          .is_mount_point = true});
    }

    void check_folder(const StoreQuestion& question) {
        try {
            require_answer(question.folder, question.setting);
            require_trusted_store(config_, sources_.caller, question.folder, question.setting);
            found_.push_back(check_store(question));
        } catch (const Error& error) {
            found_.push_back(failed(question.name, error, "a folder in which others cannot change checkpoints"));
        }
    }

    void check_permissions() {
        if (config_.security_strict_permissions)
            found_.push_back(met("permissions", "files, programs and folders that others can change are refused"));
        else
            found_.push_back({.name = "permissions",
                              .standing = Standing::doubtful,
                              .found = "security.strict_permissions is false: whoever can change a checkpoint, CRIU or "
                                       "a hook is root here",
                              .needed = "that only root can change what root runs",
                              .remedy = "set security.strict_permissions to true, and mend what is refused then"});
    }

    void check_hooks() {
        try {
            require_hooks(config_,
                          {HookStage::pre_dump, HookStage::post_dump, HookStage::pre_restore, HookStage::post_restore});
            found_.push_back(met("hooks", "all that are set can be run"));
        } catch (const Error& error) {
            found_.push_back(failed("hooks", error, "programs that can be run"));
        }
    }

    void check_caller() {
        const Caller& caller = sources_.caller;
        if (acts_as_root_for(caller))
            found_.push_back(
                met("sudo",
                    fmt::format("user {} {}", printable(caller.name),
                                may_become_root(caller) ? "may run anything as root"
                                                        : "may not run everything as root: what they name is used with "
                                                          "their own rights")));
    }

    const ConfigSources& sources_;
    Config config_;
    std::string program_;
    std::string version_;
    std::vector<Requirement> found_;
};

} // namespace

std::vector<Requirement> check_environment(const ConfigSources& sources) { return EnvironmentCheck(sources).run(); }

bool can_work(const std::vector<Requirement>& requirements) {
    return std::ranges::none_of(requirements, [](const Requirement& one) { return one.standing == Standing::bad; });
}

} // namespace cedana
