// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/restore.hpp"

#include "cedana/action/checkpoint_reader.hpp"
#include "cedana/action/file_restore.hpp"
#include "cedana/action/free_pids.hpp"
#include "cedana/action/hooks.hpp"
#include "cedana/action/host.hpp"
#include "cedana/action/host_fit.hpp"
#include "cedana/action/preparation.hpp"
#include "cedana/action/stopwatch.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/criu/diagnose.hpp"
#include "cedana/criu/environment.hpp"
#include "cedana/criu/restore.hpp"

#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include <unistd.h>

namespace cedana {

namespace {

constexpr auto k_zombie_limit = std::chrono::seconds(30);

criu::RestoreReport run_criu(const Checkpoint& checkpoint, const RestoreRequest& request, const std::string& program,
                             const std::filesystem::path& work, const Interrupt& interrupt) {
    const Manifest& manifest = checkpoint.manifest();
    CriuOptions options = manifest.criu_options;
    const Config& config = request.config;
    options.extra.insert(options.extra.end(), config.criu_extra_args.begin(), config.criu_extra_args.end());
    const bool terminal = options.shell_job && ::isatty(STDIN_FILENO) == 1;
    CheckpointImages images(checkpoint, config);
    return criu::restore({.program = program,
                          .options = options,
                          .folder = work,
                          .terminal = terminal ? criu::Terminal::ours : criu::Terminal::none,
                          .pids = request.new_pid_namespace ? criu::Pids::in_new_namespace : criu::Pids::same},
                         images, interrupt);
}

[[noreturn]] void explain_failure(const Checkpoint& checkpoint, const criu::RestoreReport& report,
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

void run_post_restore_hook(const Config& config, pid_t pid, const std::filesystem::path& checkpoint) {
    try {
        run_hook({.program = config.action_scripts_post_restore,
                  .stage = "post_restore",
                  .pid = pid,
                  .checkpoint = checkpoint});
    } catch (Error& error) {
        throw error.hint(fmt::format("process {} was restored and runs", pid));
    }
}

} // namespace

RestoreResult restore(const RestoreRequest& request, const Interrupt& interrupt, Progress& progress) {
    require_root("restore processes");
    Stopwatch watch;
    const auto path = std::filesystem::absolute(request.checkpoint).lexically_normal();
    const Checkpoint checkpoint(path);
    const Manifest& manifest = checkpoint.manifest();
    const std::string program = criu::find_program(request.config.criu_path);
    static_cast<void>(criu::require_version(program));
    remove_abandoned_work();
    const pid_t pid = manifest.tree.front().pid;
    run_hook(
        {.program = request.config.action_scripts_pre_restore, .stage = "pre_restore", .pid = pid, .checkpoint = path});
    require_fit(manifest, describe_host());
    require_addresses(manifest, request.config.criu_extra_args);
    if (!request.new_pid_namespace)
        require_free_pids(Procfs(), manifest, k_zombie_limit, interrupt);
    warn_of_gaps(manifest.watch, manifest.name);
    watch.lap("prepare");
    FileRestore files(checkpoint, request.config, request.files);
    std::vector<RestoredFile> restored_files;
    // A copy shares its files with the original, which may be writing to them.
    if (!request.new_pid_namespace)
        restored_files =
            step(fmt::format("restoring {}", path.string()), [&] { return files.put_back(Procfs(), interrupt); });
    watch.lap("files");

    progress.phase("restoring");
    const TempDir work(state_folder(), work_prefix("restore"));
    const auto report = step(fmt::format("restoring {}", path.string()), [&] {
        auto ended = run_criu(checkpoint, request, program, work.path(), interrupt);
        if (!ended.status.success())
            explain_failure(checkpoint, ended, work.path());
        return ended;
    });
    files.commit(restored_files);
    watch.lap("restore");
    run_post_restore_hook(request.config, report.pid, path);
    return {.checkpoint = path,
            .pid = report.pid,
            .seconds = watch.seconds(),
            .bytes_images = report.bytes,
            .phases = watch.phases(),
            .files = std::move(restored_files)};
}

} // namespace cedana
