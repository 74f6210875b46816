// SPDX-License-Identifier: Apache-2.0
#include "cedana/containers/runtime_restore.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/event_loop.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/unix_socket.hpp"
#include "cedana/containers/engine.hpp"
#include "cedana/containers/stand_in.hpp"
#include "cedana/criu/action_script.hpp"
#include "cedana/criu/environment.hpp"
#include "cedana/criu/image_serve.hpp"
#include "cedana/criu/lost_root.hpp"
#include "cedana/criu/mended_images.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <utility>

#include <climits>
#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

namespace cedana::containers {

namespace {

constexpr std::size_t k_most_said = 64UL * 1024;
// Above what runtimes give to CRIU: standard descriptors, and one for each namespace.
constexpr int k_first_given = 100;
// What was cancelled ends by itself, once its pipes are closed.
constexpr auto k_cancelled_limit = std::chrono::seconds(20);

class RuntimeRestore {
  public:
    RuntimeRestore(const RuntimeRestoreJob& job, ImageSource& source, const Interrupt& interrupt)
        : job_(job), interrupt_(interrupt),
          mended_(source, criu::granted_at_once(),
                  job.criu.tree_is_mapped ? criu::HugePages::left_out : criu::HugePages::sent, job.criu.locked_on_fault,
                  job.criu.limits_put_back, std::nullopt, job.criu.posix_locks) {
        server_.emplace(loop_, job.criu.folder, mended_);
        if (job.criu.progress != nullptr)
            server_->report_to(*job.criu.progress, job.criu.total_bytes);
        action_.emplace(loop_, job.criu.folder, [this](const std::string& stage, pid_t root) { reached(stage, root); });
        stand_in_.emplace(loop_, job.criu.folder, job.criu.program,
                          [this](StandInCall call) { return called(std::move(call)); });
    }

    RuntimeRestoreReport run() {
        const auto said = job_.criu.folder / k_engine_output;
        const UniqueFd output = open_file(said, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
        ChildProcess engine = start(output);
        bool ended = false;
        loop_.watch(engine.pidfd().get(), POLLIN, [&](short) { ended = true; });
        if (interrupt_.fd() >= 0)
            loop_.watch(interrupt_.fd(), POLLIN, [this](short) { interrupt_.throw_if_pending(); });
        std::exception_ptr failure;
        while (!ended && !failure) {
            try {
                if (!loop_.run_once(lost_root_.patience()) && call_ && !report_.criu_succeeded &&
                    lost_root_.end_waiting(call_->process))
                    spdlog::warn("the container ended while criu brought it back, and criu waited for it");
            } catch (...) {
                failure = std::current_exception();
                cancel();
            }
        }
        if (!failure && call_ && !report_.criu_succeeded) {
            // Somebody has killed it. The runtime may still be at work, and nobody would take what it makes.
            cancel();
            report_.criu_succeeded = criu::was_restored(job_.criu.folder / criu::k_restore_log);
        }
        report_.status = end_of(engine);
        report_.said = read_file(said, k_most_said);
        if (failure)
            std::rethrow_exception(failure);
        return report_;
    }

  private:
    ChildProcess start(const UniqueFd& output) {
        std::vector<std::string> argv = {job_.engine.program};
        argv.insert(argv.end(), job_.engine.words.begin(), job_.engine.words.end());
        auto files = output_of_engine(output);
        if (job_.engine.work == EngineWork::asks_a_daemon && job_.criu.held >= 0)
            files.emplace_back(job_.criu.held, criu::k_held);
        return ChildProcess::spawn({.argv = std::move(argv),
                                    .fds = std::move(files),
                                    .env = environment_with_path(stand_in_->folder()),
                                    .session = Session::own,
                                    .descriptor_limit = DescriptorLimit::as_started});
    }

    [[nodiscard]] std::vector<std::pair<int, int>> output_of_engine(const UniqueFd& output) const {
        if (job_.engine.output == EngineOutput::the_containers)
            return job_.container_output;
        return {{output.get(), 1}, {output.get(), 2}};
    }

    StandInAnswer called(StandInCall call) {
        if (call.call.work != criu::RpcWork::restore || call_)
            throw Error(Fault::restore_failed,
                        "the container runtime has asked criu for something else than one restore");
        job_.before_tree(call.call);
        criu::RestoreCommand command{
            .paths = {.program = job_.criu.program, .images = job_.criu.folder, .work = job_.criu.folder},
            .options = job_.criu.options,
            .lazy_pages = job_.criu.lazy_pages == criu::LazyPages::left_out,
            .pid_file = job_.criu.folder / criu::k_pid_file,
            .action_script = action_->script()};
        command.options.extra.insert(command.options.extra.end(), call.call.arguments.begin(),
                                     call.call.arguments.end());
        auto files = inherit_files(command);
        add_console(command);
        call_.emplace(std::move(call));
        loop_.watch(call_->process.get(), POLLIN, [this](short) { criu_ended(); });
        return {.kind = StandInAnswer::Kind::run,
                .argv = criu::restore_argv(command),
                .environment =
                    criu::clean_environment({fmt::format("{}={}", criu::k_action_socket, action_->socket().string()),
                                             fmt::format("{}=1", criu::k_every_stage)}),
                .files = std::move(files),
                .terminal = terminal_};
    }

    // Of this host's: what the container's own terminals are made by is there only once CRIU has mounted it.
    void add_console(criu::RestoreCommand& command) {
        if (job_.console.empty())
            return;
        master_ = UniqueFd(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
        std::array<char, PATH_MAX> name{};
        if (!master_ || ::grantpt(master_.get()) != 0 || ::unlockpt(master_.get()) != 0 ||
            ::ptsname_r(master_.get(), name.data(), name.size()) != 0)
            throw OsFailure(Fault::environment).error("cannot make a terminal");
        terminal_ = name.data();
        command.inherited.push_back({.number = k_terminal_number, .id = job_.console});
        command.options.extra.insert(command.options.extra.end(),
                                     {"--external", fmt::format("mnt[/dev/console]:{}", terminal_)});
    }

    // As CRIU would tell of one that it has made itself.
    bool give_master(pid_t root) {
        if (!master_)
            return true;
        const UniqueFd master = std::move(master_);
        return send_with_fd(call_->runtime.get(), criu::stage_message("orphan-pts-master", root), master.get()) > 0 &&
               hear_answer();
    }

    [[nodiscard]] std::vector<std::pair<std::string, int>> inherit_files(criu::RestoreCommand& command) const {
        std::vector<std::pair<std::string, int>> files;
        for (const OutsideFile& file : job_.outside_files) {
            const int number = k_first_given + static_cast<int>(files.size());
            command.inherited.push_back({.number = number, .id = file.id});
            files.emplace_back(file.path, number);
        }
        return files;
    }

    // The runtime hears of it behind what is cedana's own to do.
    void reached(const std::string& stage, pid_t root) {
        if (root != 0 && root_ == 0 && job_.root_made)
            job_.root_made(root);
        if (root != 0) {
            root_ = root;
            lost_root_.watch(root);
        }
        if (stage == criu::k_stage_post_restore && job_.criu.tree_is_mapped)
            job_.criu.tree_is_mapped();
        if (stage == criu::k_stage_pre_resume && job_.criu.standing)
            stand(root);
        if (call_ && call_->call.wants_stages &&
            (!tell(stage, root) || (stage == "setup-namespaces" && !give_master(root))))
            action_->refuse();
        else
            action_->allow();
    }

    void stand(pid_t root) {
        report_.stood = true;
        criu::call_standing(job_.criu.standing, root);
    }

    bool tell(const std::string& stage, pid_t root) {
        const int runtime = call_->runtime.get();
        const std::string message = criu::stage_message(stage, root);
        if (::send(runtime, message.data(), message.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(message.size()))
            return false;
        return hear_answer();
    }

    bool hear_answer() {
        const int runtime = call_->runtime.get();
        std::array<pollfd, 2> set = {{{runtime, POLLIN, 0}, {interrupt_.fd(), POLLIN, 0}}};
        if (::poll(set.data(), set.size(), -1) < 0 && errno != EINTR)
            throw OsFailure().error("cannot poll");
        interrupt_.throw_if_pending();
        std::array<char, 4096> answer{};
        const ssize_t size = ::recv(runtime, answer.data(), answer.size(), 0);
        return size > 0 && criu::parse_stage_answer({answer.data(), static_cast<std::size_t>(size)});
    }

    void criu_ended() {
        loop_.unwatch(call_->process.get());
        const bool success = criu::was_restored(job_.criu.folder / criu::k_restore_log);
        report_.criu_succeeded = success;
        report_.pid = success ? root_ : 0;
        if (server_) {
            report_.bytes = server_->bytes();
            report_.mends = mended_.made();
        }
        const std::string message = criu::restored_message(report_.pid);
        static_cast<void>(::send(call_->runtime.get(), message.data(), message.size(), MSG_NOSIGNAL));
    }

    // CRIU finds its pipes closed and fails, the runtime finds its socket closed and fails.
    void cancel() {
        stand_in_.reset();
        action_.reset();
        server_.reset();
        if (call_) {
            loop_.unwatch(call_->process.get());
            call_->runtime.reset();
            // It may be what hangs.
            if (!ends_within(call_->process, k_cancelled_limit))
                send_signal(call_->process, SIGKILL);
        }
    }

    ExitStatus end_of(ChildProcess& engine) {
        loop_.unwatch(engine.pidfd().get());
        if (const auto status = engine.wait_for(k_cancelled_limit))
            return *status;
        engine.signal(SIGTERM);
        if (const auto status = engine.wait_for(k_cancelled_limit))
            return *status;
        engine.signal(SIGKILL);
        return engine.wait();
    }

    const RuntimeRestoreJob& job_;
    const Interrupt& interrupt_;
    EventLoop loop_;
    criu::LostRoot lost_root_{loop_};
    criu::MendedImages mended_;
    std::optional<criu::ImageServer> server_;
    std::optional<criu::ActionServer> action_;
    std::optional<StandIn> stand_in_;
    std::optional<StandInCall> call_;
    // Until the runtime has it.
    UniqueFd master_;
    std::string terminal_;
    pid_t root_ = 0;
    RuntimeRestoreReport report_;
};

} // namespace

RuntimeRestoreReport restore_by_runtime(const RuntimeRestoreJob& job, ImageSource& source, const Interrupt& interrupt) {
    return RuntimeRestore(job, source, interrupt).run();
}

} // namespace cedana::containers
