// SPDX-License-Identifier: Apache-2.0
#include "supervisor_commands.hpp"

#include "cedana/base/error.hpp"
#include "cedana/job/callers_command.hpp"

#include <array>
#include <cerrno>
#include <exception>
#include <utility>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <poll.h>
#include <unistd.h>

namespace cedana::job {

namespace {

// A notice that has failed is started again.
constexpr std::chrono::seconds k_notice_again{30};
constexpr std::size_t k_most_of_notice = 4096;

} // namespace

CallersCommands::CallersCommands(EventLoop& loop, const RunRequest& request, Notice notice)
    : loop_(loop), request_(request), notice_(std::move(notice)) {
    if (!request_.notice.empty())
        notice_at_ = Clock::now();
}

void CallersCommands::start_in_time() {
    if (!notice_at_ || Clock::now() < *notice_at_)
        return;
    notice_at_.reset();
    Pipe out = make_pipe();
    SpawnRequest command =
        callers_command(request_.config.caller, request_.notice, "--notice", {"CEDANA_JOB=" + request_.name});
    command.fds = {{out.write_end.get(), STDOUT_FILENO}, {STDERR_FILENO, STDERR_FILENO}};
    try {
        notice_process_ = ChildProcess::spawn(std::move(command));
    } catch (const Error& error) {
        // Which is no notice at all is told before anything is done; what was one is started again.
        if (!was_started_)
            throw;
        return try_again(error.message());
    }
    was_started_ = true;
    notice_output_ = std::move(out.read_end);
    notice_said_.clear();
    loop_.watch(notice_output_.get(), POLLIN, [this](short) { read_notice(); });
    loop_.watch(notice_process_->pidfd().get(), POLLIN, [this](short) { notice_ended(); });
}

void CallersCommands::read_notice() {
    std::array<char, k_most_of_notice> buffer;
    const ssize_t count = ::read(notice_output_.get(), buffer.data(), buffer.size());
    if (count < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (count <= 0)
        return loop_.unwatch(notice_output_.get());
    if (notice_said_.size() < k_most_of_notice)
        notice_said_.append(buffer.data(), static_cast<std::size_t>(count));
}

void CallersCommands::notice_ended() {
    // What it has left in the pipe, whoever else holds that.
    pollfd entry{.fd = notice_output_.get(), .events = POLLIN, .revents = 0};
    if (::poll(&entry, 1, 0) == 1 && (entry.revents & POLLIN) != 0)
        read_notice();
    loop_.unwatch(notice_output_.get());
    loop_.unwatch(notice_process_->pidfd().get());
    const ExitStatus status = notice_process_->wait();
    notice_process_.reset();
    notice_output_.reset();
    if (status.success())
        return notice_(time_left_in(notice_said_));
    try_again(status.text());
}

void CallersCommands::try_again(const std::string& why) {
    if (!std::exchange(is_warned_, true))
        spdlog::warn("the notice {} {}; it is started again every {} s", request_.notice, why, k_notice_again.count());
    notice_at_ = Clock::now() + k_notice_again;
}

void CallersCommands::tell_failure(const std::string& state, const std::string& message) {
    if (request_.on_failure.empty() || !has_told({}))
        return;
    try {
        SpawnRequest command =
            callers_command(request_.config.caller, request_.on_failure, "--on-failure",
                            {"CEDANA_JOB=" + request_.name, "CEDANA_JOB_FOLDER=" + request_.folder.string(),
                             "CEDANA_JOB_STATE=" + state, "CEDANA_MESSAGE=" + message});
        command.fds = {{STDERR_FILENO, STDOUT_FILENO}, {STDERR_FILENO, STDERR_FILENO}};
        failure_process_ = ChildProcess::spawn(std::move(command));
    } catch (const Error& error) {
        spdlog::warn("nobody is told of the failure: {}", error.message());
    }
}

bool CallersCommands::has_told(std::chrono::milliseconds limit) {
    if (!failure_process_)
        return true;
    const auto status = failure_process_->wait_for(limit);
    if (!status)
        return false;
    if (!status->success())
        spdlog::warn("{}, which is to tell of the failure, {}", request_.on_failure, status->text());
    failure_process_.reset();
    return true;
}

void CallersCommands::finish() noexcept {
    try {
        if (!has_told(request_.config.values.action_scripts_timeout))
            spdlog::warn("{} has not ended in time, and is ended", request_.on_failure);
    } catch (const std::exception& error) {
        spdlog::warn("{} was not awaited: {}", request_.on_failure, error.what());
    }
    failure_process_.reset();
}

} // namespace cedana::job
