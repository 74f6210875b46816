// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/restore.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/criu/adopted.hpp"
#include "cedana/criu/environment.hpp"
#include "cedana/criu/pid_namespace.hpp"

#include <cstdint>
#include <exception>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <poll.h>

namespace cedana::criu {

namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* k_pid_file = "root.pid";
constexpr const char* k_keeper_file = "keeper.pid";

ChildProcess start(const RestoreJob& job) {
    const UniqueFd out = open_file(job.folder / "criu.out", O_WRONLY | O_CREAT | O_APPEND, 0600);
    const RestoreCommand command{.paths = {.program = job.program, .images = job.folder, .work = job.folder},
                                 .options = job.options,
                                 .pid_file = job.folder / k_pid_file};
    SpawnRequest request{.argv = restore_argv(command), .cwd = job.folder.string(), .env = clean_environment()};
    if (job.pids == Pids::in_new_namespace) {
        request.argv = wrapped(std::move(request.argv));
        request.env =
            clean_environment({fmt::format("{}={}", k_namespace_keeper, (job.folder / k_keeper_file).string())});
    }
    if (job.terminal == Terminal::ours) {
        request.fds = {{0, 0}, {1, 1}, {2, 2}};
    } else {
        request.fds = {{out.get(), 1}, {out.get(), 2}};
        request.session = Session::own;
    }
    return ChildProcess::spawn(std::move(request));
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

void serve_until_end(const RestoreJob& job, EventLoop& loop, ImageServer& server, const ChildProcess& criu,
                     const Interrupt& interrupt) {
    constexpr auto k_look_every = std::chrono::seconds(1);
    bool ended = false;
    loop.watch(criu.pidfd().get(), POLLIN, [&](short) { ended = true; });
    if (interrupt.fd() >= 0)
        loop.watch(interrupt.fd(), POLLIN, [&](short) { interrupt.throw_if_pending(); });
    StallWatch stall(job.stall_limit);
    while (!ended) {
        loop.run_once(k_look_every);
        stall.look(server);
    }
}

pid_t root_pid(const RestoreJob& job) {
    const std::filesystem::path file = job.folder / k_pid_file;
    std::int64_t pid = 0;
    if (!std::filesystem::exists(file) || !parse_number(trim(read_file(file)), pid))
        throw Error(Fault::restore_failed, "criu did not say which pid it restored");
    if (job.pids == Pids::same)
        return static_cast<pid_t>(pid);
    const auto seen = seen_from_here(job.folder / k_keeper_file, static_cast<pid_t>(pid));
    if (!seen)
        throw Error(Fault::restore_failed, fmt::format("what was restored as {} has ended already", pid));
    return *seen;
}

} // namespace

RestoreReport restore(const RestoreJob& job, ImageSource& source, const Interrupt& interrupt) {
    const Subreaper subreaper;
    RestoreReport report;
    try {
        EventLoop loop;
        ImageServer server(loop, job.folder, source);
        ChildProcess criu = start(job);
        serve_until_end(job, loop, server, criu, interrupt);
        report.status = criu.wait();
        report.bytes = server.bytes();
        if (report.status.success())
            report.pid = root_pid(job);
    } catch (...) {
        subreaper.kill_all();
        throw;
    }
    if (!report.status.success())
        subreaper.kill_all();
    return report;
}

} // namespace cedana::criu
