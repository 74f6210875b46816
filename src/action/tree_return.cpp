// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/tree_return.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/state_folder.hpp"
#include "cedana/base/text.hpp"
#include "cedana/checkpoint/unread_pipe_data.hpp"
#include "cedana/criu/diagnose.hpp"
#include "cedana/criu/log.hpp"
#include "cedana/roles/own_stdio.hpp"
#include "cedana/undo/kept_logs.hpp"
#include "cedana/undo/undo_restore.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

roles::Terminal terminal_for(TerminalJoin join) {
    switch (join) {
    case TerminalJoin::ours:
        return roles::Terminal::ours;
    case TerminalJoin::file:
        return roles::Terminal::fresh;
    case TerminalJoin::not_needed:
        break;
    }
    return roles::Terminal::none;
}

} // namespace

TreeReturn::TreeReturn(RestoreDraft& draft, Progress& progress, Stopwatch& watch)
    : draft_(draft), progress_(progress), watch_(watch), activity_(fmt::format("restoring {}", draft.path.string())),
      work_(WorkKind::restore, state_folder()),
      files_(*draft.checkpoint, draft.request.config, draft.request.files, work_.path() / k_put_back_journal) {}

Restored TreeReturn::run() {
    carry_out({phase(touch("putting files back", [&] { put_files_back(); }))}, progress_);
    // What is on the terminal then is the program's.
    Progress silent;
    carry_out({phase(touch("restoring", [&] { step(activity_, [&] { run_criu(); }); }))},
              draft_.joins.terminal == TerminalJoin::ours ? silent : progress_);
    remaps_->commit();
    files_.commit(restored_.files);
    if (restored_.start)
        restored_.start->commit();
    watch_.lap("restore");
    return std::move(restored_);
}

void TreeReturn::put_files_back() {
    // A copy shares its files with the original, which may be writing to them.
    if (!is_copy())
        restored_.files = step(activity_, [&] { return files_.put_back(draft_.procfs, draft_.interrupt); });
    remaps_.emplace(is_copy() ? std::vector<LinkRemap>() : draft_.manifest().link_remaps,
                    work_.path() / k_remap_journal);
    watch_.lap("files");
}

criu::RestoreJob TreeReturn::job(Progress& shown) const {
    const Config& config = draft_.request.config;
    CriuOptions options = draft_.manifest().criu_options;
    options.extra.insert(options.extra.end(), config.criu_extra_args.begin(), config.criu_extra_args.end());
    return {.program = draft_.criu.path,
            .options = std::move(options),
            .folder = work_.path(),
            .held = work_.lock(),
            .lazy_pages = draft_.lazy ? criu::LazyPages::left_out : criu::LazyPages::sent,
            .progress = &shown,
            .total_bytes = draft_.manifest().bytes_images};
}

roles::RestoreRoles TreeReturn::restore_roles() const {
    return {.terminal = terminal_for(draft_.joins.terminal),
            .own_terminals = draft_.manifest().own_terminals,
            .pids = is_copy() ? roles::Pids::in_new_namespace : roles::Pids::same};
}

void TreeReturn::run_criu() {
    const Checkpoint& checkpoint = *draft_.checkpoint;
    const Config& config = draft_.request.config;
    if (draft_.lazy)
        restored_.start = std::make_unique<LazyStart>(checkpoint, config, work_.path());
    Progress silent;
    Progress& shown = draft_.joins.terminal == TerminalJoin::ours ? silent : progress_;
    CheckpointImages images(checkpoint, config, draft_.lazy ? eager_parts(*draft_.lazy) : ImageParts{});
    std::map<std::uint64_t, criu::PipeData> unread;
    if (!draft_.joins.pipes.empty())
        unread = unread_in_pipes(images);
    roles::Ends ends = make_ends(draft_.joins, draft_.request.output_place(), unread);
    restored_.report = roles::restore(job(shown), restore_roles(), std::move(ends), images, draft_.interrupt);
    if (!restored_.report.status.success())
        explain_failure();
    if (restored_.start)
        restored_.start->await_hold(restored_.report.pid, draft_.interrupt);
}

void TreeReturn::explain_failure() const {
    // Who brings the memory knows better than CRIU why its pages did not come.
    if (restored_.start) {
        restored_.start->end();
        const auto failure = restored_.start->failure();
        if (failure && failure->fault() != Fault::interrupted)
            throw Error(*failure);
    }
    const auto log = work_.path() / criu::k_restore_log;
    const criu::Diagnosis diagnosis = criu::diagnose(read_log(log) + read_log(work_.path() / "criu.out"));
    throw Error(Fault::restore_failed,
                fmt::format("cannot restore process {} ({}): criu {}; nothing of it runs", draft_.pid(),
                            printable(draft_.manifest().name), restored_.report.status.text()))
        .cause(diagnosis.cause)
        .hint(diagnosis.hint)
        .log(keep_log(log, "restore", draft_.pid()));
}

} // namespace cedana
