// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/lazy_keeper.hpp"

#include "cedana/action/descriptor_limit.hpp"
#include "cedana/action/end_trees.hpp"
#include "cedana/action/host.hpp"
#include "cedana/action/lazy_channel.hpp"
#include "cedana/action/lazy_job.hpp"
#include "cedana/action/lazy_shelter.hpp"
#include "cedana/action/lazy_transfers.hpp"
#include "cedana/action/work_folder.hpp"
#include "cedana/base/child_process.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/criu/environment.hpp"
#include "cedana/criu/own_cgroup.hpp"

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace cedana {

namespace {

constexpr const char* k_log = "log";

class Keeper {
  public:
    explicit Keeper(LazyJob job)
        : job_(std::move(job)), command_(k_lazy_command), listener_(k_lazy_listener),
          key_(job_.encrypted ? k_lazy_key : -1), cgroup_(::getpid()), folder_(WorkKind::lazy, state_folder()) {
        job_.folder = folder_.path().string();
        make_room_for_descriptors(k_lazy_descriptors);
        const UniqueFd log = open_file(folder_.path() / k_log, O_WRONLY | O_CREAT | O_APPEND, 0600);
        ::dup2(log.get(), STDERR_FILENO);
        write_transfer(folder_.path(), transfer());
    }

    bool run() {
        auto failure = served();
        if (!failure) {
            tell(k_all_is_there);
            return true;
        }
        // A CRIU that failed is told of by the command that ran it.
        const bool is_to_be_kept = failure->fault() != Fault::interrupted;
        if (is_to_be_kept)
            failure->log(keep_log(folder_.path() / k_log, "lazy", job_.pid));
        // Before the tree ends, so that whoever sees its end can say why.
        tell(to_text(*failure));
        end_trees(tree_);
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
        return {.pid = job_.pid, .name = job_.name, .checkpoint = job_.checkpoint};
    }

    // As serve(); nothing that goes wrong here may leave the tree to run without its memory.
    std::optional<Error> served() {
        try {
            return serve();
        } catch (const Error& error) {
            return why(error);
        } catch (const std::exception& error) {
            return why(Error(Fault::internal, error.what()));
        }
    }

    // Absent when all memory is in place.
    std::optional<Error> serve() {
        auto [ours, theirs] = make_lazy_channel();
        std::vector<std::pair<int, int>> passed = {{STDERR_FILENO, 2},
                                                   {listener_.get(), k_lazy_listener},
                                                   {theirs.get(), k_lazy_channel},
                                                   {folder_.lock(), k_lazy_folder_lock}};
        if (key_)
            passed.emplace_back(key_.get(), k_lazy_key);
        // Deaf to SIGTERM.
        constexpr std::chrono::milliseconds k_no_grace{0};
        server_ =
            ChildProcess::spawn({.argv = {"/proc/self/exe", "lazy-server", std::to_string(job_.pid)},
                                 .fds = std::move(passed),
                                 .env = criu::clean_environment({fmt::format("{}={}", k_lazy_server, to_text(job_))}),
                                 .session = Session::own,
                                 .grace = k_no_grace});
        theirs.reset();
        listener_.reset();
        key_.reset();
        std::optional<Error> failure;
        while (has_news(ours.get())) {
            auto news = next_news(ours.get());
            if (!news)
                break;
            if (auto* opened = std::get_if<WitnessedFault>(&*news))
                hold(std::move(*opened));
            else if (auto* closing = std::get_if<WitnessedEnd>(&*news))
                faults_.erase(closing->number);
            else
                failure = std::get<Error>(std::move(*news));
        }
        const ExitStatus status = server_->wait();
        if (status.success())
            return std::nullopt;
        return why(failure.value_or(
            Error(Fault::restore_failed, fmt::format("the process that brought the memory {}", status.text()))));
    }

    // False: the command was killed before it had CRIU restore anything; the server is ended.
    bool has_news(int channel) {
        while (true) {
            std::array<pollfd, 2> set = {{{.fd = channel, .events = POLLIN, .revents = 0},
                                          {.fd = is_alone_ ? -1 : command_.get(), .events = POLLIN, .revents = 0}}};
            if (::poll(set.data(), set.size(), -1) < 0)
                continue;
            if (set[0].revents != 0)
                return true;
            char word = 0;
            is_alone_ = true;
            if (::read(command_.get(), &word, 1) != 1 && tree_.empty()) {
                server_->signal(SIGKILL);
                return false;
            }
        }
    }

    void hold(WitnessedFault opened) {
        faults_.insert_or_assign(opened.number, std::move(opened.fault));
        if (opened.pid == 0)
            return;
        if (auto pidfd = open_pidfd(opened.pid))
            tree_.insert_or_assign(opened.pid, std::move(*pidfd));
    }

    [[nodiscard]] Error why(const Error& cause) const {
        Error error(cause.fault(), fmt::format("process {} ({}) was ended: its memory cannot be completed", job_.pid,
                                               printable(job_.name)));
        return error.cause(cause.message()).hint(!cause.hint().empty() ? cause.hint() : "restore it again");
    }

    void tell(std::string_view text) const {
        try {
            write_all(command_.get(), text, "a socket");
        } catch (const Error&) {
            // The command has not waited for it.
        }
    }

    LazyJob job_;
    // Says when the tree runs, and may wait to hear how the transfer ended.
    UniqueFd command_;
    // It has said so, or is gone.
    bool is_alone_ = false;
    UniqueFd listener_;
    UniqueFd key_;
    // Its server runs there, too.
    criu::OwnCgroup cgroup_;
    WorkFolder folder_;
    // By the server's numbers.
    std::map<int, UniqueFd> faults_;
    std::map<pid_t, UniqueFd> tree_;
    // While there is one it holds what this process may not.
    std::optional<ChildProcess> server_;
};

} // namespace

int run_lazy_keeper() {
    try {
        take_shelter(k_transfer_comm);
        return Keeper(parse_lazy_job(std::getenv(k_lazy_keeper))).run() ? 0 : 1;
    } catch (const std::exception& error) {
        spdlog::error("{}", error.what());
        return 1;
    }
}

} // namespace cedana
