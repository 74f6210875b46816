// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/dump.hpp"

#include "cedana/action/dump_capture.hpp"
#include "cedana/action/dump_steps.hpp"
#include "cedana/action/dump_target.hpp"
#include "cedana/base/alike.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/memory.hpp"
#include "cedana/base/stopwatch.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/users.hpp"
#include "cedana/facts/external_ends.hpp"
#include "cedana/files/move.hpp"
#include "cedana/host/hooks.hpp"
#include "cedana/undo/tree_fate.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

// A checkpoint that has its final name, on its way to its place.
struct Published {
    fs::path path = {};
    std::uint64_t bytes = 0;
    criu::DumpReport report = {};
    std::uint64_t copied_ahead = 0;
    std::vector<std::string> unread = {};
    std::optional<Proof> proof = {};

    [[nodiscard]] std::string text() const { return fmt::format("the checkpoint is whole: {}", path.string()); }
};

// It ran on, and what CRIU did to it may have ended it all the same: a call that waits is cut short (EINTR), which some
// programs take for a failure.
void warn_of_ended(const ProcessTree& tree) {
    const auto was_alive = [&](pid_t pid) {
        return std::ranges::any_of(tree.processes,
                                   [&](const TreeProcess& one) { return one.pid() == pid && !one.stat.is_zombie(); });
    };
    std::vector<std::string> ended;
    for (const LostProcess& lost : lost_processes(tree, CriuEnd::by_itself))
        if (was_alive(lost.pid))
            ended.push_back(
                fmt::format("process {} ({}) ended while it was dumped or just after: it {}; the checkpoint "
                            "holds it as it was before",
                            lost.pid, printable(lost.comm), lost.how));
    for (const std::string& sentence : said_once_of_processes(ended))
        spdlog::warn("{}", sentence);
}

void warn_of_losses(const std::vector<std::string>& losses) {
    for (const std::string& loss : said_once_of_processes(losses))
        spdlog::warn("a restore cannot bring back {}", loss);
}

Published capture(DumpDraft& draft, Progress& progress, Stopwatch& watch) {
    const std::string activity = fmt::format("checkpointing {} to {}", draft.seen->target(), draft.folder.string());
    Published published = step(activity, [&] {
        std::optional<TreeCapture> capture(std::in_place, draft, progress, watch);
        watch.lap("buffer");
        try {
            capture->run();
        } catch (const Error& error) {
            if (!capture->may_do_without_foresight() || error.fault() == Fault::process_lost)
                throw;
            spdlog::warn("{}; it is dumped once more without", error.message());
            draft.copies_ahead = false;
            draft.only_streams = true;
            capture.emplace(draft, progress, watch);
            capture->run();
        }
        if (draft.request.config.client_leave_running)
            warn_of_ended(capture->tree());
        return Published{.path = capture->checkpoint(),
                         .report = capture->report(),
                         .copied_ahead = capture->pre_copied(),
                         .unread = capture->unread(),
                         .proof = capture->proof()};
    });
    warn_of_losses(draft.seen->facts.losses);
    warn_of_losses(published.unread);
    for (const std::string& sentence : sentences_of(draft.seen->tree, draft.seen->facts.external_pipes))
        spdlog::warn("{}", sentence);
    if (draft.container)
        for (const std::string& sentence : draft.container->warnings())
            spdlog::warn("{}", sentence);
    watch.lap("publish");
    std::error_code ignored;
    published.bytes = fs::file_size(published.path, ignored);
    return published;
}

void move(const DumpDraft& draft, Published& published, Progress& progress) {
    const std::string& mount = draft.request.config.shared_storage_mount_point;
    try {
        published.path = step(fmt::format("moving the checkpoint to {}", mount), [&] {
            // Again: it may have been unmounted while the dump ran.
            require_shared_storage(draft.request);
            return move_checkpoint(published.path, mount, draft.interrupt, progress);
        });
    } catch (Error& error) {
        std::error_code ignored;
        // Else the hint names it already.
        if (fs::exists(published.path, ignored))
            error.hint(published.text());
        throw;
    }
}

void run_post_dump_hook(const DumpDraft& draft, const Published& published) {
    try {
        run_hook(hook_for(HookStage::post_dump, draft.request.config),
                 {.pid = draft.root.pid, .checkpoint = published.path}, draft.interrupt);
    } catch (Error& error) {
        throw error.hint(published.text());
    }
}

DumpResult result_of(const DumpDraft& draft, const Published& published, const Stopwatch& watch) {
    DumpResult result{.checkpoint = published.path,
                      .pid = draft.root.pid,
                      .name = draft.seen->name,
                      .seconds = watch.seconds(),
                      .frozen_seconds = {},
                      .proof = published.proof,
                      .bytes_images = published.report.bytes,
                      .bytes_copied_ahead = published.copied_ahead,
                      .bytes_archive = published.bytes,
                      .peak_memory_bytes = peak_memory(),
                      .phases = watch.phases(),
                      .cannot_be_restored = draft.passed_over,
                      .sandbox_lost = draft.seen->sandbox_lost()};
    if (published.report.statistics)
        result.frozen_seconds = std::chrono::duration<double>(published.report.statistics->frozen).count();
    return result;
}

} // namespace

DumpResult dump(const DumpRequest& request, const Interrupt& interrupt, Progress& progress) {
    require_root("dump processes");
    Stopwatch watch;
    DumpRequest timed = request;
    timed.found = [&](const FindResult& found) {
        if (!request.found)
            return;
        const auto asked = std::chrono::steady_clock::now();
        request.found(found);
        watch.leave_out(std::chrono::steady_clock::now() - asked);
    };
    DumpDraft draft(timed, interrupt, progress);
    carry_out(steps_before_dump(draft), progress, interrupt);
    watch.lap("prepare");
    Published published;
    Steps steps = {phase(touch("dumping", [&] { published = capture(draft, progress, watch); }))};
    if (!request.config.shared_storage_mount_point.empty())
        steps.push_back(phase(touch("moving", [&] {
            move(draft, published, progress);
            watch.lap("move");
        })));
    steps.push_back(touch("running the hook post_dump", [&] { run_post_dump_hook(draft, published); }));
    carry_out(steps, progress);
    for (const std::string& reason : said_once_of_processes(draft.passed_over))
        spdlog::warn("this checkpoint cannot be restored because {}", reason);
    return result_of(draft, published, watch);
}

} // namespace cedana
