// SPDX-License-Identifier: Apache-2.0
#include "cedana/migration/session.hpp"

#include "cedana/base/text.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cedana::migration {

namespace {

constexpr std::size_t k_most_said = 2048;

SpawnRequest start_request(const SshCommand& command, const Caller& caller, const std::vector<std::string>& words) {
    SpawnRequest request{.argv = ssh_argv(command, words),
                         .session = cedana::Session::own,
                         .descriptor_limit = DescriptorLimit::as_started};
    if (!acts_as_root_for(caller))
        return request;
    request.user = {caller.uid, caller.gid};
    request.env = caller.login_variables();
    request.env->emplace_back("PATH=/usr/local/bin:/usr/bin:/bin");
    if (const auto agent = system_environment("SSH_AUTH_SOCK"))
        request.env->push_back("SSH_AUTH_SOCK=" + *agent);
    return request;
}

// The end of it.
std::string text_of(const UniqueFd& file) {
    struct ::stat info {};
    std::string text(k_most_said, '\0');
    if (::fstat(file.get(), &info) != 0)
        return {};
    const off_t begin = std::max<off_t>(info.st_size - static_cast<off_t>(k_most_said), 0);
    const ssize_t count = ::pread(file.get(), text.data(), text.size(), begin);
    text.resize(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    return text;
}

std::string one_line(std::string_view said) {
    std::vector<std::string> lines = split(said, '\n');
    std::erase_if(lines, [](const std::string& line) { return trim(line).empty(); });
    for (std::string& line : lines)
        line = printable(trim(line));
    return fmt::format("{}", fmt::join(lines, "; "));
}

} // namespace

Session::Session(const SshCommand& command, const Caller& caller, const std::vector<std::string>& words)
    : command_(command), said_(::memfd_create("ssh", MFD_CLOEXEC)) {
    if (!said_)
        throw OsFailure().error("cannot keep what ssh says");
    Pipe there = make_pipe();
    Pipe back = make_pipe();
    SpawnRequest request = start_request(command, caller, words);
    request.fds = {
        {there.read_end.get(), STDIN_FILENO}, {back.write_end.get(), STDOUT_FILENO}, {said_.get(), STDERR_FILENO}};
    ssh_.emplace(ChildProcess::spawn(std::move(request)));
    connection_.emplace(Side::source, std::move(back.read_end), std::move(there.write_end), command.host);
}

Session::~Session() {
    constexpr auto k_limit = std::chrono::seconds(5);
    // Nothing of it has begun over there as long as that has not answered.
    const bool has_answered = connection_->stage() != Stage::opened && connection_->stage() != Stage::greeting;
    connection_->close();
    try {
        if (has_answered && ssh_->running())
            static_cast<void>(ssh_->wait_for(k_limit));
    } catch (const std::exception& error) {
        spdlog::debug("{}", error.what());
    }
}

Error Session::explained(Error error) {
    constexpr auto k_limit = std::chrono::seconds(2);
    // A login shell that has said something in place of cedana has been explained.
    if (!error.hint().empty())
        return error;
    connection_->close();
    if (ssh_->running())
        status_ = ssh_->wait_for(k_limit);
    const std::string said = text_of(said_);
    if (status_ && connection_->has_ended() && connection_->stage() == Stage::greeting)
        error = why_silent(command_, *status_, said);
    if (error.cause().empty())
        error.cause(one_line(said));
    if (error.hint().empty())
        error.hint(remedy_for(said));
    return error;
}

std::string run_there(const SshCommand& command, const Caller& caller, const std::vector<std::string>& words,
                      std::chrono::milliseconds limit) {
    try {
        Captured done = run_captured(start_request(command, caller, words), limit);
        if (done.status.success())
            return std::move(done.out);
        throw Error(Fault::connection, fmt::format("{} could not be asked: ssh {}", command.host, done.status.text()))
            .cause(one_line(done.err))
            .hint(remedy_for(done.err));
    } catch (const Error& error) {
        if (error.fault() == Fault::connection)
            throw;
        throw Error(Fault::connection, fmt::format("{} could not be asked", command.host)).cause(error.message());
    }
}

} // namespace cedana::migration
