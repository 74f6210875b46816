// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/restore.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/criu/action_script.hpp"
#include "cedana/criu/adopted.hpp"
#include "cedana/criu/entry.hpp"
#include "cedana/criu/environment.hpp"
#include "cedana/criu/freeze_watch.hpp"
#include "cedana/criu/guard_words.hpp"
#include "cedana/criu/lost_root.hpp"
#include "cedana/criu/mended_images.hpp"

#include <algorithm>
#include <exception>
#include <string_view>
#include <utility>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/sysinfo.h>
#include <unistd.h>

namespace cedana::criu {

namespace {

using Clock = std::chrono::steady_clock;

// The number in CRIU of the first of the ends.
constexpr int k_first_inherited = 10;

void pass_action(SpawnRequest& request, RestoreCommand& command, const RestoreJob& job, const Entry& entry,
                 const ActionServer& action) {
    request.env = clean_environment({fmt::format("{}={}", k_action_socket, entry.path_in_folder(action.socket()))});
    command.leave_stopped = job.before_resume != nullptr;
    command.action_script = entry.is_needed() ? Entry::path_of(action.program()) : action.script().string();
    if (job.own_pids) {
        request.fds.emplace_back(action.program(), k_action_program);
        command.action_script = fmt::format("/proc/1/fd/{}", k_kept_action_program);
    }
}

SpawnRequest request_for(const RestoreJob& job, const Entry& entry, const std::vector<TreeEnd>& ends,
                         const UniqueFd& out, const ActionServer* action) {
    RestoreCommand command{.paths = {.program = job.program, .images = job.folder, .work = job.folder},
                           .options = job.options,
                           .lazy_pages = job.lazy_pages == LazyPages::left_out,
                           .pid_file = entry.path_in_folder(job.folder / k_pid_file)};
    SpawnRequest request{
        .argv = {}, .fds = {{out.get(), 1}, {out.get(), 2}}, .cwd = job.folder.string(), .env = clean_environment()};
    entry.pass(request, command.paths);
    if (action != nullptr)
        pass_action(request, command, job, entry, *action);
    for (const TreeEnd& end : ends) {
        const int number = k_first_inherited + static_cast<int>(command.inherited.size());
        command.inherited.push_back({.number = number, .id = end.id});
        request.fds.emplace_back(end.fd.get(), number);
    }
    // What CRIU restores does not keep it: CRIU closes what it has open itself in each task (criu/files.c).
    if (job.held >= 0)
        request.fds.emplace_back(job.held, k_held);
    request.argv = restore_argv(command);
    return request;
}

std::unique_ptr<RunningCriu> start(const RestoreJob& job, const Entry& entry, const std::vector<TreeEnd>& ends,
                                   const Launch& launch, const ActionServer* action) {
    const UniqueFd out = open_file(job.folder / "criu.out", O_WRONLY | O_CREAT | O_APPEND, 0600);
    return launch(request_for(job, entry, ends, out, action));
}

class ByProcess : public RunningCriu {
  public:
    explicit ByProcess(ChildProcess process) : process_(std::move(process)) {}
    [[nodiscard]] int end() const override { return process_.pidfd().get(); }
    [[nodiscard]] ExitStatus status() override {
        const ExitStatus status = process_.wait();
        return status.code() ? ExitStatus::of_shell_code(*status.code()) : status;
    }
    [[nodiscard]] std::optional<pid_t> root() override { return std::nullopt; }

  private:
    ChildProcess process_;
};

// Notices that CRIU has stopped taking what is ready for it; time in which the storage is slow does not count, but in a
// trial.
class StallWatch {
  public:
    explicit StallWatch(const RestoreJob& job) : limit_(job.stall_limit), is_trial_(job.before_resume != nullptr) {}

    void look(ImageServer& server) {
        const auto now = Clock::now();
        if (server.progress() != progress_ || (!is_trial_ && !server.waits_for_criu())) {
            progress_ = server.progress();
            since_ = now;
        } else if (now - since_ > limit_) {
            throw Error(Fault::restore_failed,
                        is_trial_ ? fmt::format("the trial has not got on for {} s", limit_.count())
                                  : fmt::format("criu has taken nothing for {} s though images are ready for it",
                                                limit_.count()));
        }
    }

  private:
    std::chrono::seconds limit_;
    bool is_trial_;
    std::uint64_t progress_ = 0;
    Clock::time_point since_ = Clock::now();
};

// While the work goes on CRIU's script is told that cedana is alive.
template <typename Work>
void with_beat(const ActionServer& action, Work&& work) {
    const Interrupt none = Interrupt::none();
    const FreezeWatch beats({.beat = [&] { action.beat(); }, .give_up = [](const Error&) {}}, none);
    work();
}

void reached(const std::string& stage, pid_t root, ActionServer& action, const RestoreJob& job, RestoreReport& report) {
    if (stage == k_stage_post_restore && job.tree_is_mapped)
        with_beat(action, job.tree_is_mapped);
    if (stage == k_stage_post_restore && job.hold)
        with_beat(action, [&] { job.hold(root); });
    if (stage == k_stage_post_restore && job.sockets_are_back)
        job.sockets_are_back();
    if (stage == k_stage_pre_resume && job.standing) {
        report.stood = true;
        with_beat(action, [&] { call_standing(job.standing, root); });
    }
    // The script is not answered: whatever it says, CRIU would go on.
    if (stage == k_stage_pre_resume && job.before_resume) {
        job.before_resume();
        report.taken_away = true;
        return;
    }
    action.allow();
}

// Where no program in memory may run, the caller is told that `standing` was not called.
void listen(std::optional<ActionServer>& action, EventLoop& loop, const RestoreJob& job, RestoreReport& report) {
    try {
        action.emplace(loop, job.folder,
                       [&](const std::string& stage, pid_t root) { reached(stage, root, *action, job, report); });
    } catch (const Error& error) {
        if (job.tree_is_mapped || job.before_resume || job.hold)
            throw;
        spdlog::debug("{}", error.message());
    }
}

// Until it has ended, or is to be taken away.
void serve_until_end(const RestoreJob& job, EventLoop& loop, ImageServer& server, int end_of_criu,
                     const bool& take_away) {
    bool ended = false;
    loop.watch(end_of_criu, POLLIN, [&](short) { ended = true; });
    StallWatch stall(job);
    LostRoot lost(loop);
    while (!ended && !take_away) {
        const bool is_lost = lost.patience().count() >= 0;
        if (!loop.run_once(is_lost ? lost.patience() : k_stall_look_every) && server.criu()) {
            lost.look_for_child(*server.criu(), job.folder / k_pid_file);
            if (lost.end_waiting(*server.criu()))
                spdlog::warn("the tree ended while criu brought it back, and criu waited for it");
        }
        stall.look(server);
    }
}

} // namespace

// As __vm_enough_memory() reckons (mm/util.c).
std::uint64_t granted_at_once() {
    struct sysinfo host {};
    if (::sysinfo(&host) != 0)
        throw OsFailure().error("cannot ask for the memory of this host");
    return (std::uint64_t{host.totalram} + host.totalswap) * host.mem_unit;
}

std::unique_ptr<RunningCriu> run_by(ChildProcess process) { return std::make_unique<ByProcess>(std::move(process)); }

std::unique_ptr<RunningCriu> launch_directly(SpawnRequest criu) {
    criu.session = Session::own;
    return run_by(ChildProcess::spawn(std::move(criu)));
}

pid_t restored_pid(const std::filesystem::path& pid_file) {
    std::int64_t pid = 0;
    if (!std::filesystem::exists(pid_file) || !parse_number(trim(read_file(pid_file)), pid))
        throw Error(Fault::restore_failed, "criu did not say which pid it restored");
    return static_cast<pid_t>(pid);
}

void call_standing(const std::function<void(pid_t)>& standing, pid_t root) {
    try {
        standing(root);
    } catch (const std::exception& error) {
        spdlog::warn("what criu does not keep of the tree could not be put back: {}", error.what());
    }
}

bool was_restored(const std::filesystem::path& log) noexcept {
    try {
        const UniqueFd file = open_file(log, O_RDONLY);
        const off_t size = ::lseek(file.get(), 0, SEEK_END);
        ::lseek(file.get(), std::max<off_t>(size - k_end_of_log, 0), SEEK_SET);
        return read_all(file.get(), log, 2 * k_end_of_log).find(k_restored) != std::string::npos;
    } catch (const std::exception&) {
        return false;
    }
}

RestoreReport restore(const RestoreJob& job, std::vector<TreeEnd> ends, ImageSource& source, const Interrupt& interrupt,
                      const Launch& launch) {
    const Subreaper subreaper;
    RestoreReport report;
    try {
        EventLoop loop;
        MendedImages mended(source, granted_at_once(), job.tree_is_mapped ? HugePages::left_out : HugePages::sent,
                            job.locked_on_fault, job.limits_put_back, job.clocks_left, job.posix_locks);
        ImageServer server(loop, job.folder, mended);
        if (job.progress != nullptr)
            server.report_to(*job.progress, job.total_bytes);
        std::optional<ActionServer> action;
        if (job.tree_is_mapped || job.standing || job.before_resume || job.hold || job.sockets_are_back)
            listen(action, loop, job, report);
        const Entry entry(job.namespaces, job.program, job.folder);
        std::unique_ptr<RunningCriu> criu = start(job, entry, ends, launch, action ? &*action : nullptr);
        ends.clear();
        if (interrupt.fd() >= 0)
            loop.watch(interrupt.fd(), POLLIN, [&](short) { interrupt.throw_if_pending(); });
        serve_until_end(job, loop, server, criu->end(), report.taken_away);
        report.bytes = server.bytes();
        report.mends = mended.made();
        if (report.taken_away) {
            criu.reset();
            subreaper.kill_all();
            return report;
        }
        report.status = criu->status();
        if (report.status.success()) {
            const std::optional<pid_t> root = criu->root();
            report.pid = root ? *root : restored_pid(job.folder / k_pid_file);
        }
    } catch (...) {
        subreaper.kill_all();
        throw;
    }
    if (!report.status.success())
        subreaper.kill_all();
    return report;
}

} // namespace cedana::criu
