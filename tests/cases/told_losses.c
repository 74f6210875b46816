// SPDX-License-Identifier: Apache-2.0
// What comes back changed and is told at the dump. Argument: what.
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "case.h"
#include "send_away.h"

static void use_up(void) {
    int ends[2];
    struct epoll_event once = {.events = EPOLLOUT | EPOLLONESHOT};
    const int epoll = epoll_create1(0);
    SET_UP(pipe(ends) == 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, ends[1], &once) == 0);
    SET_UP(epoll_wait(epoll, &once, 1, 0) == 1);
}

static void accept_one(void) {
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "listens"};
    const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    const int client = socket(AF_UNIX, SOCK_STREAM, 0);
    SET_UP(bind(listener, (const struct sockaddr*)&name, sizeof name) == 0 && listen(listener, 1) == 0);
    SET_UP(connect(client, (const struct sockaddr*)&name, sizeof name) == 0);
    SET_UP(accept(listener, NULL, NULL) >= 0);
}

static void leave_status(void) {
    siginfo_t info;
    const pid_t child = fork();
    if (child == 0)
        _exit(255);
    SET_UP(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT) == 0);
}

static void send_lock(void) {
    int ends[2];
    const int file = new_file("locked");
    SET_UP(flock(file, LOCK_EX) == 0 && socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0);
    send_away(ends[0], file);
}

static void watch_once(void) { SET_UP(inotify_add_watch(inotify_init(), ".", IN_DELETE | IN_ONESHOT) >= 0); }

// A path that nothing has outside of the root, where it comes to be.
static void listen_in_root(void) {
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "/tmp/cedana-case-in-root"};
    const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    SET_UP(mkdir("root", 0700) == 0 && mkdir("root/tmp", 0700) == 0 && chroot("root") == 0 && chdir("/") == 0);
    SET_UP(bind(listener, (const struct sockaddr*)&name, sizeof name) == 0 && listen(listener, 1) == 0);
}

static const struct {
    const char* name;
    void (*set_up)(void);
} kinds[] = {
    {"once", use_up},         {"accepted", accept_one},           {"status", leave_status},
    {"sent-lock", send_lock}, {"socket-in-root", listen_in_root}, {"watch-once", watch_once},
};

int main(int count, char** arguments) {
    SET_UP(count == 2);
    for (size_t i = 0; i < COUNT(kinds); ++i) {
        if (strcmp(kinds[i].name, arguments[1]) != 0)
            continue;
        kinds[i].set_up();
        ready();
        await_go();
        pass();
    }
    FAIL("no such kind");
}
