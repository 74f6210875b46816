// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/restore.hpp"

#include "cedana/action/attendant.hpp"
#include "cedana/action/container_return.hpp"
#include "cedana/action/container_steps.hpp"
#include "cedana/action/pid_file.hpp"
#include "cedana/action/restore_steps.hpp"
#include "cedana/action/tree_return.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/stopwatch.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/users.hpp"
#include "cedana/host/hooks.hpp"
#include "cedana/process/preparation.hpp"
#include "cedana/process/systemctl.hpp"
#include "cedana/roles/own_stdio.hpp"

#include <optional>
#include <set>
#include <utility>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

namespace cedana {

namespace {

void warn_of_ends(const RestoreDraft& draft) {
    const RestoreRequest& request = draft.request;
    for (const std::string& warning :
         warnings_of(draft.joins, draft.attendance, request.output_named(), request.output_file().string()))
        spdlog::warn("{}", warning);
}

// What the user could miss. All else that was mended is as it was in the program that was dumped.
void warn_of_mends(const std::set<criu::Mend>& mends, const Manifest& manifest) {
    if (mends.contains(criu::Mend::parent_death_signal))
        spdlog::warn("process {} ({}) wanted a signal when its parent ends (PR_SET_PDEATHSIG); its parent is gone, so "
                     "that was taken off",
                     manifest.tree.front().pid, printable(manifest.name));
    for (const criu::Mend mend : mends)
        spdlog::debug("mended in the images: {}", name_of(mend));
}

// Beside a program that has this command's terminal and its signals, or a job's supervisor: it is not left alone with
// them, nor ended by that, because of a script.
void report_post_restore_hook(const Hook& hook, const HookSubject& subject, const Interrupt& interrupt) {
    try {
        if (run_hook_beside(hook, subject, interrupt) == HookEnd::interrupted)
            spdlog::warn("{} was ended by a signal", hook.text());
    } catch (const Error& error) {
        spdlog::warn("{}; process {} was restored and runs", error.message(), subject.pid);
    }
}

void run_post_restore_hook(const RestoreDraft& draft, pid_t pid) {
    const Hook hook = hook_for(HookStage::post_restore, draft.request.config);
    const HookSubject subject{.pid = pid, .checkpoint = draft.path};
    if (draft.attendance == Attendance::foreground || draft.request.given_ends)
        return report_post_restore_hook(hook, subject, draft.interrupt);
    try {
        run_hook(hook, subject, draft.interrupt);
    } catch (Error& error) {
        throw error.hint(fmt::format("process {} was restored and runs", pid));
    }
}

// `tree`: as it is told who runs.
void add_wait_for_memory(Steps& steps, const RestoreDraft& draft, const LazyStart* start, const std::string& tree,
                         Stopwatch& watch) {
    if (start == nullptr || !draft.request.wait)
        return;
    steps.push_back(touch("waiting for memory", [&draft, start, tree, &watch] {
        try {
            start->wait(draft.interrupt);
        } catch (Error& error) {
            if (error.fault() == Fault::interrupted)
                error.hint(fmt::format("{} runs, and its memory goes on to come", tree));
            throw;
        }
        watch.lap("fill");
    }));
}

void tell_pid(const RestoreDraft& draft, pid_t pid) {
    if (!draft.request.pid_file)
        return;
    try {
        write_pid_file(draft.request.caller, *draft.request.pid_file, pid);
    } catch (Error& error) {
        throw error.hint(fmt::format("process {} was restored and runs", pid));
    }
}

// systemd knows the main process of a unit by what it has started itself.
void warn_of_unit(const RestoreDraft& draft) {
    const Manifest& manifest = draft.manifest();
    if (draft.request.new_pid_namespace || draft.request.into || draft.request.given_ends || !has_systemd())
        return;
    const std::string unit = printable(manifest.systemd_unit);
    if (!unit.empty())
        spdlog::warn("it belonged to {}, and systemd does not take what is restored here for that unit's: systemctl "
                     "start or stop of {} ends it",
                     unit, unit);
    if (!manifest.entered_namespaces.empty())
        spdlog::warn("it comes back among the mounts of this host: what those of {} kept from it (ProtectSystem=, "
                     "PrivateTmp= and their like) it can reach",
                     unit.empty() ? "its mount namespace" : unit);
}

// The tree runs.
Steps steps_after_restore(RestoreDraft& draft, const Restored& restored, Stopwatch& watch) {
    // The hook may dump the tree: a dump waits by itself for memory that is still to come.
    Steps steps = {
        touch("unlocking the pids", [&] { draft.lock.reset(); }),
        touch("writing its pid", [&] { tell_pid(draft, restored.report.pid); }),
        touch("running the hook post_restore", [&] { run_post_restore_hook(draft, restored.report.pid); }),
    };
    add_wait_for_memory(steps, draft, restored.start.get(), fmt::format("process {}", restored.report.pid), watch);
    return steps;
}

std::optional<LazyPart> lazy_part(const RestoreDraft& draft, const LazyStart* start) {
    if (!draft.lazy || start == nullptr)
        return std::nullopt;
    return LazyPart{
        .bytes_lazy = draft.lazy->lazy_bytes, .bytes_eager = draft.lazy->eager_bytes, .keeper = start->keeper()};
}

RestoreResult result_of(const RestoreDraft& draft, Restored& restored, const Stopwatch& watch) {
    RestoreResult result{.checkpoint = draft.path,
                         .pid = restored.report.pid,
                         .seconds = watch.seconds(),
                         .bytes_images = restored.report.bytes,
                         .phases = watch.phases(),
                         .files = std::move(restored.files)};
    result.lazy = lazy_part(draft, restored.start.get());
    return result;
}

} // namespace

std::filesystem::path RestoreRequest::output_file() const {
    return std::filesystem::absolute(output.value_or(default_output(checkpoint)));
}

OutputPlace RestoreRequest::output_place() const {
    return {.path = output_file(), .caller = caller, .named_by = output ? NamedBy::caller : NamedBy::cedana};
}

namespace {

Steps steps_after_container(const RestoreDraft& draft, const ReturnedContainer& returned, Stopwatch& watch) {
    Steps steps = {
        touch("running the hook post_restore", [&] { run_post_restore_hook(draft, returned.report.pid); }),
    };
    add_wait_for_memory(steps, draft, returned.start.get(),
                        fmt::format("container {}", printable(draft.manifest().container->name)), watch);
    return steps;
}

RestoreResult restore_container(RestoreDraft& draft, Progress& progress, Stopwatch& watch) {
    carry_out(steps_before_container(draft), progress, draft.interrupt);
    watch.lap("prepare");
    const ReturnedContainer returned = ContainerReturn(draft, progress, watch).run();
    draft.lock.reset();
    progress.done();
    warn_of_mends(returned.report.mends, draft.manifest());
    Progress silent;
    carry_out(steps_after_container(draft, returned, watch), silent);
    if (auto failure = returned.start ? returned.start->failure_so_far() : std::nullopt)
        throw std::move(*failure);
    return {.checkpoint = draft.path,
            .pid = returned.report.pid,
            .container = returned.id,
            .seconds = watch.seconds(),
            .bytes_images = returned.report.bytes,
            .phases = watch.phases(),
            .files = {},
            .lazy = lazy_part(draft, returned.start.get())};
}

} // namespace

RestoreResult restore(const RestoreRequest& request, const Interrupt& interrupt, Progress& progress) {
    require_root("restore processes");
    Stopwatch watch;
    RestoreDraft draft(request, interrupt);
    carry_out(steps_that_open(draft), progress, interrupt);
    if (draft.manifest().container)
        return restore_container(draft, progress, watch);
    carry_out(steps_before_restore(draft), progress, interrupt);
    warn_of_gaps(draft.manifest().watch, draft.manifest().name);
    warn_of_ends(draft);
    warn_of_unit(draft);
    Attendant attendant(draft.joins, draft.attendance);
    watch.lap("prepare");
    Restored restored = TreeReturn(draft, progress, watch).run();
    progress.done();
    warn_of_mends(restored.report.mends, draft.manifest());
    attendant.tree_runs();
    if (request.once_it_runs)
        request.once_it_runs(restored.report.pid);
    Progress silent;
    carry_out(steps_after_restore(draft, restored, watch), silent);
    RestoreResult result = result_of(draft, restored, watch);
    result.exit_code = attendant.accompany(restored.report);
    if (auto failure = restored.start ? restored.start->failure_so_far() : std::nullopt)
        throw std::move(*failure);
    return result;
}

} // namespace cedana
