// SPDX-License-Identifier: Apache-2.0
// What comes back changed and is told at the dump. Argument: what.
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "case.h"

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

int main(int count, char** arguments) {
    SET_UP(count == 2);
    strcmp(arguments[1], "once") == 0 ? use_up() : accept_one();
    ready();
    await_go();
    pass();
}
