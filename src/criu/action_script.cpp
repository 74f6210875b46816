// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/action_script.hpp"

#include "cedana/base/error.hpp"
#include "cedana/criu/wire.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <spdlog/fmt/fmt.h>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace cedana::criu {

namespace {

constexpr char k_go_on = 'y';

} // namespace

int run_action_script() {
    const char* stage = std::getenv("CRTOOLS_SCRIPT_ACTION");
    if (stage == nullptr || std::strcmp(stage, k_stage_post_dump) != 0)
        return 0;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, std::getenv(k_action_socket), sizeof address.sun_path - 1);
    const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return 1;
    char answer = 0;
    while (true) {
        const ssize_t count = ::read(fd.get(), &answer, 1);
        if (count < 0 && errno == EINTR)
            continue;
        return count == 1 && answer == k_go_on ? 0 : 1;
    }
}

ActionServer::ActionServer(EventLoop& loop, const std::filesystem::path& folder, std::function<void()> post_dump)
    : loop_(loop), path_(folder / "action.sock"), script_(folder / "cedana-action"), post_dump_(std::move(post_dump)),
      listener_(listen_unix(path_)) {
    const std::string self = fmt::format("/proc/{}/exe", ::getpid());
    if (::symlink(self.c_str(), script_.c_str()) != 0) {
        const int err = errno;
        throw os_error(err, fmt::format("cannot make {}", script_.string()), Fault::storage);
    }
    loop_.watch(listener_.get(), POLLIN, [this](short) { accept_connection(); });
}

ActionServer::~ActionServer() {
    if (listener_)
        loop_.unwatch(listener_.get());
}

void ActionServer::accept_connection() {
    connection_ = UniqueFd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!connection_) {
        const int err = errno;
        throw os_error(err, "cannot accept the connection of criu's action script");
    }
    loop_.unwatch(listener_.get());
    listener_.reset();
    post_dump_();
}

bool ActionServer::allow() {
    const bool sent = connection_ && ::send(connection_.get(), &k_go_on, 1, MSG_NOSIGNAL) == 1;
    connection_.reset();
    return sent;
}

void ActionServer::refuse() { connection_.reset(); }

} // namespace cedana::criu
