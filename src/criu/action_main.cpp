// SPDX-License-Identifier: Apache-2.0
// What CRIU starts as its action script (see action_script.hpp). A program of its own, static and tiny, which cedana
// carries along: the tree stands still while it starts, and loading cedana's libraries alone takes 5 ms.
#include "cedana/criu/action_words.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace {

bool is_one_that_asks(const char* stage) {
    using namespace cedana::criu;
    return std::getenv(k_every_stage) != nullptr ||
           (std::getenv(k_before_freeze) != nullptr && std::strcmp(stage, k_stage_pre_dump) == 0) ||
           std::strcmp(stage, k_stage_post_dump) == 0 || std::strcmp(stage, k_stage_post_restore) == 0 ||
           std::strcmp(stage, k_stage_pre_resume) == 0;
}

bool ask(int connection, const char* stage) {
    using namespace cedana::criu;
    const char* root = std::getenv("CRTOOLS_INIT_PID");
    if (root == nullptr)
        root = "0";
    char question[k_longest_question];
    const std::size_t of_stage = std::strlen(stage);
    const std::size_t of_root = std::strlen(root);
    if (of_stage + of_root + 2 > sizeof question)
        return false;
    std::copy_n(stage, of_stage, question);
    question[of_stage] = k_before_pid;
    std::copy_n(root, of_root, question + of_stage + 1);
    const std::size_t length = of_stage + of_root + 2;
    question[length - 1] = k_end_of_question;
    return ::send(connection, question, length, MSG_NOSIGNAL) == static_cast<ssize_t>(length);
}

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

// The exit code: asks at the one stage of a dump (or two, if it was told so) and the two of a restore, or at every one,
// and lets the others go on.
// CRIU does not heed it at pre-resume (criu/cr-restore.c, restore_root_task()), but waits for it.
int main() {
    using namespace cedana::criu;
    const char* stage = std::getenv("CRTOOLS_SCRIPT_ACTION");
    const char* path = std::getenv(k_action_socket);
    if (stage == nullptr || !is_one_that_asks(stage))
        return 0;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path == nullptr || std::strlen(path) >= sizeof address.sun_path)
        return 1;
    std::strcpy(address.sun_path, path);
    const int connection = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection < 0 || ::connect(connection, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return 1;
    return ask(connection, stage) && wait_for_answer(connection) == k_go_on ? 0 : 1;
}
