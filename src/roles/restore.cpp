// SPDX-License-Identifier: Apache-2.0
#include "cedana/roles/restore.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/criu/adopted.hpp"
#include "cedana/criu/environment.hpp"
#include "cedana/roles/guard.hpp"
#include "cedana/roles/pid_namespace.hpp"

#include <algorithm>
#include <cstdint>
#include <exception>
#include <string_view>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace cedana::criu {

namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* k_pid_file = "root.pid";
constexpr const char* k_keeper_file = "keeper.pid";

// Above what wrapper and keeper of a pid namespace use for themselves.
constexpr int k_first_inherited = 10;

struct Started {
    // CRIU, or the keeper or guard that runs it.
    ChildProcess process;
    // Of such a keeper.
    UniqueFd told = {};
    UniqueFd copier = {};
};

// What can be read once CRIU has ended.
int end_of(const Started& started) { return started.told ? started.told.get() : started.process.pidfd().get(); }

SpawnRequest request_for(const RestoreJob& job, const Ends& ends, const UniqueFd& out) {
    RestoreCommand command{.paths = {.program = job.program, .images = job.folder, .work = job.folder},
                           .options = job.options,
                           .lazy_pages = job.lazy_pages == LazyPages::left_out,
                           .pid_file = job.folder / k_pid_file};
    SpawnRequest request{
        .argv = {}, .fds = {{out.get(), 1}, {out.get(), 2}}, .cwd = job.folder.string(), .env = clean_environment()};
    for (const Ends::TreeEnd& end : ends.of_tree) {
        const int number = k_first_inherited + static_cast<int>(command.inherited.size());
        command.inherited.push_back({.number = number, .id = end.id});
        request.fds.emplace_back(end.fd.get(), number);
    }
    // What CRIU restores does not keep it: CRIU closes what it has open itself in each task (criu/files.c).
    if (job.held >= 0)
        request.fds.emplace_back(job.held, k_held);
    request.argv = restore_argv(command);
    if (job.pids == Pids::in_new_namespace) {
        request.argv = wrapped(std::move(request.argv));
        request.env =
            clean_environment({fmt::format("{}={}", k_namespace_keeper, (job.folder / k_keeper_file).string())});
    }
    return request;
}

Started start(const RestoreJob& job, Ends ends) {
    const UniqueFd out = open_file(job.folder / "criu.out", O_WRONLY | O_CREAT | O_APPEND, 0600);
    SpawnRequest request = request_for(job, ends, out);
    if (job.terminal == Terminal::fresh) {
        const char* root_file = job.pids == Pids::in_new_namespace ? k_keeper_file : k_pid_file;
        KeptCriu kept = start_on_new_terminal(std::move(request), std::move(ends.terminal_output),
                                              std::move(ends.copies), job.folder / root_file, job.own_terminals);
        return {.process = std::move(kept.keeper), .told = std::move(kept.told)};
    }
    UniqueFd copier = start_copier(std::move(ends.copies));
    if (job.terminal == Terminal::ours)
        request.fds.emplace_back(STDIN_FILENO, STDIN_FILENO);
    else
        request.session = Session::own;
    // A namespace's keeper is its first process, with which the kernel ends all others.
    if (!job.guard.empty() && job.pids == Pids::same)
        request = guarded(std::move(request), job.guard, job.held >= 0 ? k_held : -1);
    return {.process = ChildProcess::spawn(std::move(request)), .copier = std::move(copier)};
}

// Lets a keeper that goes on go on.
ExitStatus status_of(Started& started) {
    unsigned char code = 0;
    if (!started.told || ::read(started.told.get(), &code, 1) != 1) {
        const ExitStatus status = started.process.wait();
        return status.code() ? ExitStatus::of_shell_code(*status.code()) : status;
    }
    started.process.detach();
    return ExitStatus::of_shell_code(code);
}

// Notices that CRIU has stopped taking what is ready for it; time in which the storage is slow does not count.
class StallWatch {
  public:
    explicit StallWatch(std::chrono::seconds limit) : limit_(limit) {}

    void look(ImageServer& server) {
        const auto now = Clock::now();
        if (server.progress() != progress_ || !server.waits_for_criu()) {
            progress_ = server.progress();
            since_ = now;
        } else if (now - since_ > limit_) {
            throw Error(Fault::restore_failed,
                        fmt::format("criu has taken nothing for {} s though images are ready for it", limit_.count()));
        }
    }

  private:
    std::chrono::seconds limit_;
    std::uint64_t progress_ = 0;
    Clock::time_point since_ = Clock::now();
};

void serve_until_end(const RestoreJob& job, EventLoop& loop, ImageServer& server, int end_of_criu,
                     const Interrupt& interrupt) {
    constexpr auto k_look_every = std::chrono::seconds(1);
    bool ended = false;
    loop.watch(end_of_criu, POLLIN, [&](short) { ended = true; });
    if (interrupt.fd() >= 0)
        loop.watch(interrupt.fd(), POLLIN, [&](short) { interrupt.throw_if_pending(); });
    StallWatch stall(job.stall_limit);
    while (!ended) {
        loop.run_once(k_look_every);
        stall.look(server);
    }
}

pid_t pid_in(const std::filesystem::path& file) {
    std::int64_t pid = 0;
    if (!std::filesystem::exists(file) || !parse_number(trim(read_file(file)), pid))
        throw Error(Fault::restore_failed, "criu did not say which pid it restored");
    return static_cast<pid_t>(pid);
}

void tell_who(RestoreReport& report, const RestoreJob& job, Started started) {
    report.pid = pid_in(job.folder / k_pid_file);
    report.copier = std::move(started.copier);
    if (started.told)
        report.told = std::move(started.told);
    else
        report.child = job.pids == Pids::same ? report.pid : pid_in(job.folder / k_keeper_file);
}

} // namespace

bool was_restored(const std::filesystem::path& log) noexcept {
    // criu/cr-restore.c: once the tasks are let go. What follows is a few lines.
    constexpr std::string_view k_success = "Restore finished successfully";
    constexpr off_t k_end = 64L * 1024;
    try {
        const UniqueFd file = open_file(log, O_RDONLY);
        const off_t size = ::lseek(file.get(), 0, SEEK_END);
        ::lseek(file.get(), std::max<off_t>(size - k_end, 0), SEEK_SET);
        return read_all(file.get(), log, 2 * k_end).find(k_success) != std::string::npos;
    } catch (const std::exception&) {
        return false;
    }
}

RestoreReport restore(const RestoreJob& job, Ends ends, ImageSource& source, const Interrupt& interrupt) {
    const Subreaper subreaper;
    RestoreReport report;
    try {
        EventLoop loop;
        ImageServer server(loop, job.folder, source);
        if (job.progress != nullptr)
            server.report_to(*job.progress, job.total_bytes);
        Started started = start(job, std::move(ends));
        serve_until_end(job, loop, server, end_of(started), interrupt);
        report.status = status_of(started);
        report.bytes = server.bytes();
        if (report.status.success())
            tell_who(report, job, std::move(started));
    } catch (...) {
        subreaper.kill_all();
        throw;
    }
    if (!report.status.success())
        subreaper.kill_all();
    return report;
}

} // namespace cedana::criu
