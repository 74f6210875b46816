// SPDX-License-Identifier: Apache-2.0
#include "cedana/lazy/keeper.hpp"

#include "cedana/base/child_process.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/log.hpp"
#include "cedana/base/own_cgroup.hpp"
#include "cedana/base/state_folder.hpp"
#include "cedana/base/text.hpp"
#include "cedana/lazy/channel.hpp"
#include "cedana/lazy/criu_connection.hpp"
#include "cedana/lazy/held_tree.hpp"
#include "cedana/lazy/job.hpp"
#include "cedana/lazy/shelter.hpp"
#include "cedana/lazy/transfers.hpp"
#include "cedana/undo/kept_logs.hpp"
#include "cedana/undo/work_folder.hpp"

#include <array>
#include <chrono>
#include <exception>
#include <optional>
#include <utility>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace cedana {

namespace {

constexpr const char* k_log = "log";

class Keeper {
  public:
    explicit Keeper(const LazyKeeperPlan& plan)
        : job_(plan.job), command_(plan.command), criu_(UniqueFd(plan.listener)), key_(plan.key), cgroup_(::getpid()),
          folder_(WorkKind::lazy, state_folder()),
          tree_(job_.container.empty() ? TaskNumbers::of_this_host : TaskNumbers::of_the_tree) {
        job_.folder = folder_.path().string();
        const UniqueFd log = open_file(folder_.path() / k_log, O_WRONLY | O_CREAT | O_APPEND, 0600);
        ::dup2(log.get(), STDERR_FILENO);
        write_transfer(folder_.path(), transfer());
    }

    bool run() {
        auto failure = serve_or_fail();
        if (!failure) {
            write_to_command(k_all_is_there);
            return true;
        }
        // The command that ran CRIU says that CRIU failed.
        const bool is_to_be_kept = failure->fault() != Fault::interrupted;
        if (is_to_be_kept)
            failure->log(keep_log(folder_.path() / k_log, "lazy", job_.pid));
        // Before the tree ends, so that whoever sees its end can say why.
        write_to_command(to_text(*failure));
        if (!is_held_)
            take_over_the_rest();
        tree_.end();
        server_.reset();
        if (is_to_be_kept)
            keep(*failure);
        return false;
    }

  private:
    // Of a tree that has ended.
    void keep(const Error& failure) {
        LazyTransfer ended = transfer();
        ended.failure = failure.message();
        try {
            write_transfer(folder_.path(), ended);
        } catch (const Error& error) {
            spdlog::warn("why the transfer failed cannot be told: {}", error.message());
        }
        // It has no path any more from then on.
        folder_.keep();
    }
    [[nodiscard]] LazyTransfer transfer() const {
        return {.pid = job_.pid, .name = job_.name, .container = job_.container, .checkpoint = job_.checkpoint};
    }

    // As serve(); nothing that goes wrong here may leave the tree to run without its memory.
    std::optional<Error> serve_or_fail() {
        try {
            return serve();
        } catch (const Error& error) {
            return failure_of(error);
        } catch (const std::exception& error) {
            return failure_of(Error(Fault::internal, error.what()));
        }
    }

    // Absent when all memory is in place.
    std::optional<Error> serve() {
        auto [ours, theirs] = make_lazy_channel();
        UniqueFd of_criu = criu_.make_server_end();
        // Deaf to SIGTERM.
        constexpr std::chrono::milliseconds k_no_grace{0};
        SpawnRequest request{
            .argv = {}, .fds = {{STDERR_FILENO, STDERR_FILENO}}, .session = Session::own, .grace = k_no_grace};
        const LazyServerPlan plan{.job = job_,
                                  .criu = roles::pass(request, of_criu),
                                  .channel = roles::pass(request, theirs),
                                  .key = roles::pass(request, key_),
                                  .folder_lock = roles::pass(request, folder_.lock())};
        server_ = roles::start_role(k_server_role, plan, std::move(request));
        theirs.reset();
        of_criu.reset();
        key_.reset();
        std::optional<Error> failure;
        while (true) {
            wait_for_news(ours.get());
            auto news = next_news(ours.get());
            if (!news)
                break;
            if (auto* opened = std::get_if<WitnessedFault>(&*news))
                tree_.hold(std::move(*opened));
            else if (auto* closing = std::get_if<WitnessedEnd>(&*news))
                tree_.release(closing->number);
            else if (std::holds_alternative<WitnessedTree>(*news))
                release_criu();
            else
                failure = std::get<Error>(std::move(*news));
        }
        const ExitStatus status = server_->wait();
        if (status.success())
            return std::nullopt;
        return failure_of(failure.value_or(
            Error(Fault::restore_failed, fmt::format("the process that brought the memory {}", status.text()))));
    }

    void wait_for_news(int channel) {
        while (true) {
            std::array<pollfd, 3> set = {{{.fd = channel, .events = POLLIN, .revents = 0},
                                          {.fd = criu_.listener(), .events = POLLIN, .revents = 0},
                                          {.fd = is_alone_ ? -1 : command_.get(), .events = POLLIN, .revents = 0}}};
            if (::poll(set.data(), set.size(), -1) < 0)
                continue;
            if (set[1].revents != 0)
                criu_.pass_on();
            if (set[2].revents != 0)
                read_command(channel);
            if (set[0].revents != 0)
                return;
        }
    }

    void read_command(int server) {
        if (!job_.container.empty() && job_.pid == 0)
            return take_root(server);
        char word = 0;
        is_alone_ = true;
        // The command was killed: a CRIU that has connected goes on, and no other one may connect.
        if (::read(command_.get(), &word, 1) != 1)
            criu_.refuse();
    }

    // Without one the server says that nobody comes.
    void take_root(int server) {
        auto root = receive_root(command_.get());
        pass_root(server, root);
        if (!root) {
            is_alone_ = true;
            return criu_.refuse();
        }
        job_.pid = root->pid;
        tree_.hold_root(std::move(*root));
    }

    void release_criu() {
        is_held_ = true;
        criu_.close();
        write_to_command(k_tree_is_held);
    }

    // Tasks that the server has not read are to end, too.
    void take_over_the_rest() {
        try {
            for (criu::LazyHandover::Task& task : criu_.take_unread()) {
                // No number of the server's.
                const int number = -task.fault.get();
                tree_.hold({.number = number, .pid = task.pid, .fault = std::move(task.fault)});
            }
        } catch (const std::exception& error) {
            spdlog::warn("a task of the tree cannot be held: {}", error.what());
        }
    }

    [[nodiscard]] Error failure_of(const Error& cause) const {
        const std::string tree = job_.container.empty() ? fmt::format("process {} ({})", job_.pid, printable(job_.name))
                                                        : fmt::format("container {}", printable(job_.container));
        Error error(cause.fault(), fmt::format("{} was ended: its memory cannot be completed", tree));
        return error.cause(cause.message()).hint(!cause.hint().empty() ? cause.hint() : "restore it again");
    }

    void write_to_command(std::string_view text) const {
        try {
            write_all(command_.get(), text, "a socket");
        } catch (const Error&) {
            // The command has not waited for it.
        }
    }

    LazyJob job_;
    // The command reads here that the tree is held and how the transfer ended, and says when the tree runs.
    UniqueFd command_;
    // The command has said that the tree runs, or is gone.
    bool is_alone_ = false;
    criu::CriuConnection criu_;
    // The server has all tasks of the tree.
    bool is_held_ = false;
    UniqueFd key_;
    // Its server runs there, too.
    criu::OwnCgroup cgroup_;
    WorkFolder folder_;
    HeldTree tree_;
    // While it runs, it holds the key and the userfaultfds itself.
    std::optional<ChildProcess> server_;
};

int run_keeper(const nlohmann::json& json) {
    set_up_log(Verbosity::verbose);
    const auto plan = json.get<LazyKeeperPlan>();
    // The keeper closes its own when it fails.
    const UniqueFd command(::fcntl(plan.command, F_DUPFD_CLOEXEC, 0));
    const auto fail = [&](const Error& error) {
        spdlog::error("{}", error.message());
        static_cast<void>(::send(command.get(), to_text(error).data(), to_text(error).size(), MSG_NOSIGNAL));
        return 1;
    };
    try {
        return Keeper(plan).run() ? 0 : 1;
    } catch (const Error& error) {
        return fail(error);
    } catch (const std::exception& error) {
        return fail(Error(Fault::internal, error.what()));
    }
}

} // namespace

roles::Role lazy_keeper() {
    return {.name = k_keeper_role,
            .ignored_signals = ignored_signals(),
            .orphans = roles::Orphans::left,
            .run = run_keeper};
}

} // namespace cedana
