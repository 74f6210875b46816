// SPDX-License-Identifier: Apache-2.0
#include "cedana/undo/clean.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/own_cgroup.hpp"
#include "cedana/base/state_folder.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/users.hpp"
#include "cedana/checkpoint/reader.hpp"
#include "cedana/criu/command.hpp"
#include "cedana/criu/log.hpp"
#include "cedana/files/checkpoint_file.hpp"
#include "cedana/undo/dump_record.hpp"
#include "cedana/undo/held_stop_commands.hpp"
#include "cedana/undo/network_lock.hpp"
#include "cedana/undo/raised_limits.hpp"
#include "cedana/undo/trial_cgroup.hpp"
#include "cedana/undo/undo_restore.hpp"
#include "cedana/undo/work_folder.hpp"

#include <map>
#include <set>
#include <system_error>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

constexpr const char* k_network_lock = "network lock";

const char* work_in(WorkKind kind) {
    switch (kind) {
    case WorkKind::lazy:
        return "the memory of a lazy restore is on its way";
    case WorkKind::trial:
        return "a checkpoint is tried in it";
    case WorkKind::dump:
    case WorkKind::restore:
        break;
    }
    return "a dump or a restore is at work in it";
}

class Cleaning {
  public:
    explicit Cleaning(const CleanRequest& request) : request_(request) {}

    CleanResult run() {
        const fs::path state = state_folder();
        WorkFolders work = find_work_folders(state);
        for (const AbandonedWork& one : work.abandoned)
            guarded("work folder", one.path.string(), [&] { finish(one); });
        for (const fs::path& path : remove_ended_work(state))
            removed("work folder", path.string());
        for (const BusyWork& one : work.busy)
            keep("work folder", one.path.string(), work_in(one.kind));
        if (const std::size_t locks = remove_stale_locks(state / "locks"); locks != 0)
            removed("lock", fmt::format("{} in {}", locks, (state / "locks").string()));
        guarded("control group", "of criu", [&] {
            for (const fs::path& folder : criu::remove_abandoned_cgroups())
                removed("control group", folder.string());
            for (const fs::path& folder : remove_abandoned_trial_cgroups())
                removed("control group", folder.string());
        });
        for (const fs::path& folder : request_.folders)
            guarded("folder", folder.string(), [&] { remove_partials(folder); });
        if (request_.look_for == LookFor::left_overs_and_locks)
            guarded(k_network_lock, "tables of nftables", [&] { account_for_network_locks(work.busy); });
        return std::move(result_);
    }

  private:
    template <typename Work>
    void guarded(const char* what, const std::string& name, Work&& work) {
        try {
            work();
        } catch (const Error& error) {
            keep(what, name, error.message());
        }
    }
    void removed(const char* what, const std::string& name) {
        spdlog::debug("cleaned up: {} {}", what, printable(name));
        result_.removed.push_back({.what = what, .name = name});
    }
    void keep(const char* what, const std::string& name, const std::string& why) {
        result_.kept.push_back({.what = what, .name = name, .why = why});
    }

    void finish(const AbandonedWork& work) {
        if (work.kind == WorkKind::restore && !finish_restore(work))
            return;
        if (work.kind == WorkKind::dump && !finish_dump(work.path))
            return;
        remove_work(work.path);
        removed("work folder", work.path.string());
    }

    // False while something is left to do.
    bool finish_dump(const fs::path& work) {
        if (const auto drop_in = release_stop_commands(work))
            removed("drop-in", drop_in->string());
        const PutBackLimits limits = put_back_limits(work);
        for (const fs::path& path : limits.done)
            removed("raised limit", path.string());
        for (const std::string& why : limits.left)
            keep("raised limit", work.string(), why);
        const auto record = read_record(work);
        if (!record)
            return limits.left.empty();
        const UndoneDump taken = undo_dump(*record, work);
        if (taken.sockets != 0)
            removed("repair mode",
                    fmt::format("{} sockets of process {}", taken.sockets, record->processes.front().pid));
        for (const std::string& table : taken.network_locks)
            removed(k_network_lock, table);
        for (const fs::path& name : taken.names)
            removed("link remap", name.string());
        return limits.left.empty();
    }

    // False while something is left to do.
    bool finish_restore(const AbandonedWork& work) {
        const FinishedRestore finished = finish_killed_restore(work.path, work.cedana);
        if (finished.container)
            removed("container", *finished.container);
        for (const fs::path& path : finished.undone) {
            spdlog::warn("{} is as it was before a restore that was killed", printable(path.string()));
            removed("file put back", path.string());
        }
        for (const fs::path& path : finished.left)
            keep("file put back", path.string(), "it was changed since the restore that put it back was killed");
        for (const fs::path& path : finished.in_use) {
            spdlog::warn("{} was put back by a restore that was killed, and stays so while a process writes to it",
                         printable(path.string()));
            keep("file put back", path.string(), "a process writes to it");
        }
        return finished.in_use.empty();
    }

    void remove_partials(const fs::path& folder) {
        const PartialFiles partial = remove_abandoned(folder);
        for (const fs::path& path : partial.removed)
            removed("partial checkpoint", path.string());
        for (const fs::path& path : partial.kept)
            keep("partial checkpoint", path.string(), "it is being written, or cannot be removed");
        for (const fs::path& path : partial.of_other_hosts)
            keep("partial checkpoint", path.string(),
                 "another host writes it or has left it: clean up there, or remove it");
    }

    // Which checkpoint in the folders waits for which table.
    [[nodiscard]] std::map<std::string, fs::path> waiting_checkpoints() const {
        std::map<std::string, fs::path> waiting;
        for (const fs::path& folder : request_.folders) {
            std::error_code error;
            for (const fs::path& path : entries_of(folder, error)) {
                if (path.extension() != ".zip")
                    continue;
                try {
                    waiting.emplace(Checkpoint(path, Keyring()).manifest().network_lock_table, path);
                } catch (const Error& damaged) {
                    spdlog::debug("{} names no network lock: {}", path.string(), damaged.message());
                }
            }
            if (error && error != std::errc::no_such_file_or_directory)
                throw os_error(error.value(), fmt::format("cannot list {}", folder.string()), Fault::storage);
        }
        return waiting;
    }

    void account_for_network_locks(const std::vector<BusyWork>& busy) {
        const std::vector<std::string> tables = criu::network_locks();
        if (tables.empty())
            return;
        std::set<std::string> in_use;
        for (const BusyWork& work : busy)
            in_use.insert(criu::network_lock_of(read_log_head(work.path / criu::k_dump_log)).value_or(""));
        const auto waiting = waiting_checkpoints();
        for (const std::string& table : tables) {
            if (in_use.contains(table))
                keep(k_network_lock, table, "a dump is at work");
            else if (const auto checkpoint = waiting.find(table); checkpoint != waiting.end())
                keep(k_network_lock, table, fmt::format("it waits for the restore of {}", checkpoint->second.string()));
            else
                keep(k_network_lock, table,
                     fmt::format("no dump that was killed has left it; a checkpoint in another folder may wait for it; "
                                 "nft delete table inet {} removes it",
                                 table));
        }
    }

    const CleanRequest& request_;
    CleanResult result_;
};

} // namespace

CleanResult clean(const CleanRequest& request) {
    require_root("clean up");
    return Cleaning(request).run();
}

} // namespace cedana
