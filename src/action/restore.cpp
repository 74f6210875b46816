// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/restore.hpp"

#include "cedana/action/checkpoint_reader.hpp"
#include "cedana/action/clean.hpp"
#include "cedana/action/file_restore.hpp"
#include "cedana/action/foreground.hpp"
#include "cedana/action/free_pids.hpp"
#include "cedana/action/hooks.hpp"
#include "cedana/action/host.hpp"
#include "cedana/action/host_fit.hpp"
#include "cedana/action/lazy_memory.hpp"
#include "cedana/action/lazy_request.hpp"
#include "cedana/action/lazy_start.hpp"
#include "cedana/action/own_terminal.hpp"
#include "cedana/action/permissions.hpp"
#include "cedana/action/preparation.hpp"
#include "cedana/action/stdio.hpp"
#include "cedana/action/stopwatch.hpp"
#include "cedana/action/undo_restore.hpp"
#include "cedana/action/unread.hpp"
#include "cedana/action/work_folder.hpp"
#include "cedana/archive/frame_check.hpp"
#include "cedana/base/descriptor_limit.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/memory.hpp"
#include "cedana/base/text.hpp"
#include "cedana/criu/diagnose.hpp"
#include "cedana/criu/environment.hpp"
#include "cedana/process/lock.hpp"
#include "cedana/roles/restore.hpp"
#include "cedana/storage/remap_guard.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

namespace cedana {

namespace {

using Unread = std::map<std::uint64_t, criu::PipeData>;

constexpr auto k_zombie_limit = std::chrono::seconds(30);

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

roles::RestoreReport run_criu(const Checkpoint& checkpoint, const RestoreRequest& request, const Joins& joins,
                              const std::string& program, const WorkFolder& work, const LazyMemory* lazy,
                              const Interrupt& interrupt, Progress& progress) {
    const Manifest& manifest = checkpoint.manifest();
    CriuOptions options = manifest.criu_options;
    const Config& config = request.config;
    options.extra.insert(options.extra.end(), config.criu_extra_args.begin(), config.criu_extra_args.end());
    CheckpointImages images(checkpoint, config, lazy != nullptr ? eager_parts(*lazy) : ImageParts{});
    roles::Ends ends =
        make_ends(joins, request.output_place(), joins.pipes.empty() ? Unread{} : unread_in_pipes(images));
    return roles::restore({.program = program,
                           .options = options,
                           .folder = work.path(),
                           .held = work.lock(),
                           .lazy_pages = lazy != nullptr ? criu::LazyPages::left_out : criu::LazyPages::sent,
                           .progress = &progress,
                           .total_bytes = manifest.bytes_images},
                          {.terminal = terminal_for(joins.terminal),
                           .own_terminals = manifest.own_terminals,
                           .pids = request.new_pid_namespace ? roles::Pids::in_new_namespace : roles::Pids::same},
                          std::move(ends), images, interrupt);
}

[[noreturn]] void explain_failure(const Checkpoint& checkpoint, const roles::RestoreReport& report,
                                  const std::filesystem::path& work) {
    const Manifest& manifest = checkpoint.manifest();
    const pid_t pid = manifest.tree.front().pid;
    const auto log = work / criu::k_restore_log;
    const criu::Diagnosis diagnosis = criu::diagnose(read_log(log) + read_log(work / "criu.out"));
    throw Error(Fault::restore_failed, fmt::format("cannot restore process {} ({}): criu {}; nothing of it runs", pid,
                                                   printable(manifest.name), report.status.text()))
        .cause(diagnosis.cause)
        .hint(diagnosis.hint)
        .log(keep_log(log, "restore", pid));
}

void run_post_restore_hook(const Config& config, const HookSubject& subject, const Interrupt& interrupt) {
    try {
        run_hook(hook_for(HookStage::post_restore, config), subject, interrupt);
    } catch (Error& error) {
        throw error.hint(fmt::format("process {} was restored and runs", subject.pid));
    }
}

struct Job {
    const Checkpoint& checkpoint;
    const RestoreRequest& request;
    const Joins& joins;
    const std::string& program;
    // Null for an eager restore.
    const LazyMemory* lazy;
    const Interrupt& interrupt;
};

struct Restored {
    roles::RestoreReport report = {};
    std::vector<RestoredFile> files = {};
    // Of a lazy restore.
    std::unique_ptr<LazyStart> start = {};
};

// Who brings the memory knows better than CRIU why its pages did not come.
[[noreturn]] void explain(const Checkpoint& checkpoint, const Restored& restored, const std::filesystem::path& work) {
    if (restored.start) {
        restored.start->end();
        const auto failure = restored.start->failure();
        if (failure && failure->fault() != Fault::interrupted)
            throw Error(*failure);
    }
    explain_failure(checkpoint, restored.report, work);
}

// Beside a program that has this command's terminal and its signals: it is not left alone with them because of a
// script.
void report_post_restore_hook(const Config& config, const HookSubject& subject, const Interrupt& interrupt) {
    try {
        if (run_hook_beside(hook_for(HookStage::post_restore, config), subject, interrupt) == HookEnd::interrupted)
            spdlog::warn("{} was ended by a signal", hook_for(HookStage::post_restore, config).text());
    } catch (const Error& error) {
        spdlog::warn("{}; process {} was restored and runs", error.message(), subject.pid);
    }
}

void wait_for_memory(const LazyStart& start, pid_t pid, const Interrupt& interrupt) {
    try {
        start.wait(interrupt);
    } catch (Error& error) {
        if (error.fault() == Fault::interrupted)
            error.hint(fmt::format("process {} runs, and its memory goes on to come", pid));
        throw;
    }
}

// Puts the files back and lets CRIU restore the tree. When it throws nothing of both is left.
Restored bring_back(const Job& job, Progress& progress, Stopwatch& watch) {
    const std::string activity = fmt::format("restoring {}", job.checkpoint.zip().path().string());
    const bool is_copy = job.request.new_pid_namespace;
    const WorkFolder work(WorkKind::restore, state_folder());
    FileRestore files(job.checkpoint, job.request.config, job.request.files, work.path() / k_put_back_journal);
    Restored restored;
    progress.phase("putting files back");
    // A copy shares its files with the original, which may be writing to them.
    if (!is_copy)
        restored.files = step(activity, [&] { return files.put_back(Procfs(), job.interrupt); });
    RemapGuard remaps(is_copy ? std::vector<LinkRemap>() : job.checkpoint.manifest().link_remaps,
                      work.path() / k_remap_journal);
    watch.lap("files");
    // What is on the terminal then is the program's.
    Progress silent;
    Progress& shown = job.joins.terminal == TerminalJoin::ours ? silent : progress;
    shown.phase("restoring");
    if (job.lazy != nullptr)
        restored.start = std::make_unique<LazyStart>(job.checkpoint, job.request.config, work.path());
    step(activity, [&] {
        restored.report =
            run_criu(job.checkpoint, job.request, job.joins, job.program, work, job.lazy, job.interrupt, shown);
        if (!restored.report.status.success())
            explain(job.checkpoint, restored, work.path());
        if (restored.start)
            restored.start->await_hold(restored.report.pid, job.interrupt);
    });
    remaps.commit();
    files.commit(restored.files);
    if (restored.start)
        restored.start->commit();
    watch.lap("restore");
    return restored;
}

// What this command has to do with the tree while that runs.
class Attendant {
  public:
    Attendant(const Joins& joins, Attendance attendance) {
        if (joins.terminal == TerminalJoin::ours)
            terminal_.emplace();
        if (attendance == Attendance::foreground)
            signals_.emplace();
    }
    Attendant(const Attendant&) = delete;
    Attendant& operator=(const Attendant&) = delete;
    // However this command ends, nothing that it leaves behind has the keys: a CRIU that failed may have lent the
    // terminal to what it had started, and the program has it while this stays with it.
    ~Attendant() { give_back(); }

    // The terminal is the shell's again, or the program's in the size that it has here.
    void tree_runs() {
        if (!terminal_)
            return;
        if (!signals_)
            give_back();
        terminal_->restore_size();
    }

    std::optional<int> accompany(roles::RestoreReport& report) {
        if (!signals_)
            return std::nullopt;
        const int code = cedana::accompany({.root = report.pid,
                                            .child = report.child,
                                            .told = std::move(report.told),
                                            .copier = std::move(report.copier)},
                                           *signals_, terminal_);
        // It has taken it back as the program left it, as a shell would find it.
        is_lent_ = false;
        return code;
    }

  private:
    void give_back() {
        if (!terminal_ || !std::exchange(is_lent_, false))
            return;
        terminal_->take_back();
        terminal_->restore_settings();
    }

    std::optional<OwnTerminal> terminal_;
    std::optional<PassedSignals> signals_;
    bool is_lent_ = true;
};

} // namespace

std::filesystem::path RestoreRequest::output_file() const {
    return std::filesystem::absolute(output.value_or(default_output(checkpoint)));
}

OutputPlace RestoreRequest::output_place() const {
    return {.path = output_file(), .caller = caller, .named_by = output ? NamedBy::caller : NamedBy::cedana};
}

Joins RestoreRequest::joins_for(const Manifest& manifest) const {
    return choose_joins(manifest, look_at_stdio(), attendance, output ? OutputFile::given : OutputFile::none);
}

void compare_frames(const RestoreRequest& request, const Checkpoint& checkpoint, const Interrupt& interrupt) {
    if (request.verify)
        check_frames(checkpoint.zip(), checkpoint.index(), k_images_folder,
                     static_cast<unsigned>(request.config.archive_threads), interrupt);
}

RestoreResult restore(const RestoreRequest& request, const Interrupt& interrupt, Progress& progress) {
    require_root("restore processes");
    Stopwatch watch;
    const auto path = std::filesystem::absolute(request.checkpoint).lexically_normal();
    require_trusted_checkpoint(request.config, request.caller, path);
    const Checkpoint checkpoint(path, request.keyring);
    const Manifest& manifest = checkpoint.manifest();
    refuse_lazy_requests(request);
    const std::string program = find_trusted_criu(request.config);
    static_cast<void>(criu::require_version(program));
    require_hooks(request.config, {HookStage::pre_restore, HookStage::post_restore});
    clean({});
    compare_frames(request, checkpoint, interrupt);
    const std::optional<LazyMemory> lazy = prepare_lazy(request, checkpoint);
    const pid_t pid = manifest.tree.front().pid;
    run_hook(hook_for(HookStage::pre_restore, request.config), {.pid = pid, .checkpoint = path}, interrupt);
    require_fit(manifest, describe_host());
    require_memory(manifest, host_memory());
    require_descriptors(manifest, descriptor_limit());
    require_addresses(manifest, request.config.criu_extra_args);
    std::optional<TreeLock> lock(std::in_place, LockedFor::restore, state_folder() / "locks");
    if (!request.new_pid_namespace) {
        lock->add(pids_of(manifest));
        require_free_pids(Procfs(), manifest, k_zombie_limit, interrupt);
    }
    warn_of_gaps(manifest.watch, manifest.name);
    const Joins joins = request.joins_for(manifest);
    for (const std::string& warning :
         warnings_of(joins, request.attendance, request.output ? OutputFile::given : OutputFile::none,
                     request.output_file().string()))
        spdlog::warn("{}", warning);
    require_output(joins, request.output_place());
    Attendant attendant(joins, request.attendance);
    watch.lap("prepare");
    auto restored =
        bring_back({checkpoint, request, joins, program, lazy ? &*lazy : nullptr, interrupt}, progress, watch);
    progress.done();
    attendant.tree_runs();
    RestoreResult result{.checkpoint = path,
                         .pid = restored.report.pid,
                         .seconds = 0,
                         .bytes_images = restored.report.bytes,
                         .phases = {},
                         .files = std::move(restored.files)};
    if (lazy)
        result.lazy = {
            .bytes_lazy = lazy->lazy_bytes, .bytes_eager = lazy->eager_bytes, .keeper = restored.start->keeper()};
    // From here on the tree may be dumped, by the hook too: a dump waits by itself for memory that is still to come.
    lock.reset();
    const HookSubject subject{.pid = result.pid, .checkpoint = path};
    if (request.attendance == Attendance::foreground)
        report_post_restore_hook(request.config, subject, interrupt);
    else
        run_post_restore_hook(request.config, subject, interrupt);
    if (restored.start && request.wait) {
        wait_for_memory(*restored.start, result.pid, interrupt);
        watch.lap("fill");
    }
    result.seconds = watch.seconds();
    result.phases = watch.phases();
    result.exit_code = attendant.accompany(restored.report);
    if (auto failure = restored.start ? restored.start->failure_so_far() : std::nullopt)
        throw std::move(*failure);
    return result;
}

} // namespace cedana
