// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/stage_answers.hpp"

#include "cedana/base/error.hpp"

#include <array>
#include <utility>

#include <sys/socket.h>

namespace cedana::criu {

StageAnswers::StageAnswers(const std::string& request) {
    std::array<int, 2> ends{};
    // As container runtimes make it: a message each.
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
        throw OsFailure().error("cannot make a socket for criu");
    own_end_ = UniqueFd(ends[0]);
    end_of_criu_ = UniqueFd(ends[1]);
    if (::send(own_end_.get(), request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size()))
        throw OsFailure().error("cannot ask criu for a dump");
}

void StageAnswers::start(const ActionServer& server, std::vector<std::string> environment) {
    end_of_criu_.reset();
    const UniqueFd handed_over = std::move(own_end_);
    process_.emplace(ChildProcess::spawn({.argv = {server.script().string(), k_answering},
                                          .fds = {{handed_over.get(), k_stages_of_criu}},
                                          .cwd = "/",
                                          .env = std::move(environment),
                                          .session = Session::own}));
}

} // namespace cedana::criu
