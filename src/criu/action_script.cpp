// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/action_script.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/unix_socket.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "program_in_memory.hpp"

namespace cedana::criu {

extern "C" {
// action_program.S
extern const std::byte cedana_action_program[];
extern const std::byte cedana_action_program_end[];
}

namespace {

constexpr const char* k_cannot_prepare = "cannot prepare criu's action script";

struct Question {
    std::string stage;
    pid_t root;
};

// The script says it at once, and waits then.
std::optional<Question> read_question(int connection) {
    std::string text;
    std::array<char, k_longest_question> piece{};
    while (text.size() < k_longest_question && !text.ends_with(k_end_of_question)) {
        const ssize_t count = ::read(connection, piece.data(), k_longest_question - text.size());
        if (count <= 0)
            return std::nullopt;
        text.append(piece.data(), static_cast<std::size_t>(count));
    }
    const std::size_t end = text.find(k_before_pid);
    if (!text.ends_with(k_end_of_question) || end == std::string::npos)
        return std::nullopt;
    text.pop_back();
    std::int64_t root = 0;
    return Question{.stage = text.substr(0, end),
                    .root = parse_number(text.substr(end + 1), root) ? static_cast<pid_t>(root) : 0};
}

} // namespace

UniqueFd action_program(const char* name) {
    return program_in_memory(k_cannot_prepare, name, {cedana_action_program, cedana_action_program_end});
}

ActionServer::ActionServer(EventLoop& loop, const std::filesystem::path& folder, Reached reached)
    : loop_(loop), path_(folder / "action.sock"), script_(folder / "cedana-action"), reached_(std::move(reached)),
      program_(action_program("cedana-action")), listener_(listen_unix(path_)) {
    const std::string program = fmt::format("/proc/{}/fd/{}", ::getpid(), program_.get());
    if (::symlink(program.c_str(), script_.c_str()) != 0)
        throw OsFailure(Fault::storage).error(k_cannot_prepare);
    loop_.watch(listener_.get(), POLLIN, [this](short) { accept_connection(); });
}

ActionServer::~ActionServer() {
    connection_.reset();
    close_listener();
}

// One question after the other: the next one waits until this one is answered.
void ActionServer::accept_connection() {
    connection_ = UniqueFd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!connection_)
        throw OsFailure().error("cannot accept the connection of criu's action script");
    const auto question = read_question(connection_.get());
    if (!question) {
        // It was killed before it had asked.
        connection_.reset();
        return;
    }
    loop_.wait_for(listener_.get(), 0);
    reached_(question->stage, question->root);
}

void ActionServer::beat() const {
    // One that does not read any more has ended.
    if (connection_)
        ::send(connection_.get(), &k_wait, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

bool ActionServer::is_awaited() const {
    char ignored = 0;
    return connection_ && ::recv(connection_.get(), &ignored, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
           (errno == EAGAIN || errno == EINTR);
}

bool ActionServer::allow() {
    const bool sent = connection_ && ::send(connection_.get(), &k_go_on, 1, MSG_NOSIGNAL) == 1;
    connection_.reset();
    if (listener_)
        loop_.wait_for(listener_.get(), POLLIN);
    return sent;
}

// The loop is left alone where a question is open: a watch's thread may refuse it. CRIU asks nothing more then.
void ActionServer::refuse() {
    if (connection_)
        connection_.reset();
    else
        close_listener();
}

void ActionServer::close_listener() {
    if (listener_)
        loop_.unwatch(listener_.get());
    listener_.reset();
}

} // namespace cedana::criu
