// SPDX-License-Identifier: Apache-2.0
#include "cedana/lazy/transfers.hpp"

#include "cedana/base/child_process.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/state_folder.hpp"
#include "cedana/base/text.hpp"
#include "cedana/lazy/job.hpp"
#include "cedana/process/memory_areas.hpp"
#include "cedana/roles/role.hpp"
#include "cedana/undo/work_folder.hpp"

#include <algorithm>
#include <system_error>

#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include <poll.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

using Json = nlohmann::json;

constexpr std::size_t k_most_transfer_bytes = 1024UL * 1024;

std::optional<LazyTransfer> read_transfer(const fs::path& folder) {
    try {
        return parse_transfer(read_file(folder / k_transfer_file, k_most_transfer_bytes));
    } catch (const Error&) {
        // It has ended meanwhile, or has not begun.
        return std::nullopt;
    }
}

// The pid may be another process's by now.
bool is_at_work(const Procfs& procfs, pid_t pid) {
    const auto stat = procfs.stat(pid);
    return stat && stat->state != 'Z' &&
           (stat->comm == roles::process_name(k_keeper_role) || stat->comm == roles::process_name(k_server_role));
}

// Of one in whose folder somebody works.
pid_t keeper_of(const Procfs& procfs, const BusyWork& work, const LazyTransfer& transfer) {
    return is_at_work(procfs, work.cedana) ? work.cedana : transfer.server;
}

std::vector<UniqueFd> keepers_of(const std::vector<LazyTransfer>& transfers) {
    std::vector<UniqueFd> keepers;
    for (const LazyTransfer& transfer : transfers)
        if (transfer.failure.empty())
            if (auto pidfd = open_pidfd(transfer.keeper))
                keepers.push_back(std::move(*pidfd));
    return keepers;
}

// Until one of them has ended, or a while has passed.
void wait_for_one(const std::vector<UniqueFd>& keepers, const Interrupt& interrupt) {
    constexpr int k_look_again_ms = 1000;
    std::vector<pollfd> set = {{.fd = interrupt.fd(), .events = POLLIN, .revents = 0}};
    for (const UniqueFd& keeper : keepers)
        set.push_back({.fd = keeper.get(), .events = POLLIN, .revents = 0});
    ::poll(set.data(), set.size(), k_look_again_ms);
    interrupt.throw_if_pending();
}

} // namespace

std::uint64_t served(const criu::FillProgress& progress) {
    return progress.bytes_total - std::min(progress.bytes_left, progress.bytes_total);
}

std::string to_text(const LazyTransfer& transfer) {
    const Json json = {{"pid", transfer.pid},
                       {"name", transfer.name},
                       {"container", transfer.container},
                       {"checkpoint", transfer.checkpoint},
                       {"tree_goes_on", transfer.progress.tree_goes_on},
                       {"bytes_total", transfer.progress.bytes_total},
                       {"bytes_left", transfer.progress.bytes_left},
                       {"pages_wanted", transfer.progress.pages_wanted},
                       {"failure", transfer.failure},
                       {"server", transfer.server}};
    return json.dump(-1, ' ', true, Json::error_handler_t::replace);
}

std::optional<LazyTransfer> parse_transfer(std::string_view text) {
    try {
        const Json json = Json::parse(text);
        return LazyTransfer{.pid = json.at("pid").get<pid_t>(),
                            .name = json.at("name").get<std::string>(),
                            .container = json.value("container", ""),
                            .checkpoint = json.at("checkpoint").get<std::string>(),
                            .progress = {.tree_goes_on = json.at("tree_goes_on").get<bool>(),
                                         .bytes_total = json.at("bytes_total").get<std::uint64_t>(),
                                         .bytes_left = json.at("bytes_left").get<std::uint64_t>(),
                                         .pages_wanted = json.at("pages_wanted").get<std::uint64_t>()},
                            .failure = json.at("failure").get<std::string>(),
                            .server = json.at("server").get<pid_t>()};
    } catch (const Json::exception&) {
        return std::nullopt;
    }
}

void write_transfer(const fs::path& folder, const LazyTransfer& transfer) {
    replace_file(folder / k_transfer_file, to_text(transfer));
}

std::vector<LazyTransfer> lazy_transfers() {
    const Procfs procfs;
    std::vector<LazyTransfer> found;
    const WorkFolders work = find_work_folders(state_folder());
    for (const BusyWork& one : work.busy) {
        auto transfer = one.kind == WorkKind::lazy ? read_transfer(one.path) : std::nullopt;
        if (!transfer)
            continue;
        transfer->keeper = keeper_of(procfs, one, *transfer);
        found.push_back(std::move(*transfer));
    }
    for (const AbandonedWork& one : work.abandoned) {
        auto transfer = one.kind == WorkKind::lazy ? read_transfer(one.path) : std::nullopt;
        // A server whose keeper was killed may have come to the end all the same.
        if (!transfer || (transfer->progress.tree_goes_on && transfer->progress.bytes_left == 0))
            continue;
        if (transfer->failure.empty())
            transfer->failure = "its processes were killed";
        found.push_back(std::move(*transfer));
    }
    std::ranges::sort(found, {}, &LazyTransfer::pid);
    return found;
}

bool lacks_memory(const Procfs& procfs, pid_t pid) {
    const std::string smaps = procfs.read(pid, "smaps").value_or("");
    return std::ranges::any_of(parse_areas(smaps), [](const MemoryArea& area) { return area.has_flag("um"); });
}

bool await_memory(const Procfs& procfs, const std::vector<pid_t>& tree, const Interrupt& interrupt) {
    bool said = false;
    while (true) {
        const std::vector<LazyTransfer> transfers = lazy_transfers();
        const std::vector<UniqueFd> keepers = keepers_of(transfers);
        // Without a transfer nobody has to look through all mappings.
        if (keepers.empty() || std::ranges::none_of(tree, [&](pid_t pid) { return lacks_memory(procfs, pid); }))
            return said;
        if (!said) {
            std::uint64_t left = 0;
            for (const LazyTransfer& transfer : transfers)
                left += transfer.progress.bytes_left;
            spdlog::warn("waiting until the memory of process {}, which was restored lazily, is in place: {} to go",
                         tree.front(), human_bytes(left));
        }
        said = true;
        wait_for_one(keepers, interrupt);
    }
}

} // namespace cedana
