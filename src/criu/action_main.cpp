// SPDX-License-Identifier: Apache-2.0
// What CRIU starts as its action script (see action_script.hpp). A program of its own, static and tiny, which cedana
// carries along: the tree stands still while it starts, and loading cedana's libraries alone takes 5 ms.
#include "cedana/criu/action_words.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace {

// 0 for none.
char wait_for_answer(int connection) {
    using namespace cedana::criu;
    char answer = k_wait;
    while (answer == k_wait) {
        pollfd entry{.fd = connection, .events = POLLIN, .revents = 0};
        const int ready = ::poll(&entry, 1, k_silence_milliseconds);
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0)
            return 0;
        const ssize_t count = ::read(connection, &answer, 1);
        if (count < 0 && errno == EINTR)
            answer = k_wait;
        else if (count != 1)
            return 0;
    }
    return answer;
}

} // namespace

// The exit code: asks at the one stage of a dump and the one of a restore, and lets the others go on.
int main() {
    using namespace cedana::criu;
    const char* stage = std::getenv("CRTOOLS_SCRIPT_ACTION");
    const char* path = std::getenv(k_action_socket);
    if (stage == nullptr ||
        (std::strcmp(stage, k_stage_post_dump) != 0 && std::strcmp(stage, k_stage_post_restore) != 0))
        return 0;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path == nullptr || std::strlen(path) >= sizeof address.sun_path)
        return 1;
    std::strcpy(address.sun_path, path);
    const int connection = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection < 0 || ::connect(connection, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return 1;
    return wait_for_answer(connection) == k_go_on ? 0 : 1;
}
