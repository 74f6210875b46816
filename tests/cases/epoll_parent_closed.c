// SPDX-License-Identifier: Apache-2.0
// What an epoll instance waits for was closed by the parent, and its child has it.
#include <sys/epoll.h>

#include "case.h"

static int wait_in_child(int epoll, int writing) {
    await_go();
    struct epoll_event event;
    if (write(writing, "x", 1) != 1)
        return 1;
    return epoll_wait(epoll, &event, 1, LIMIT_SECONDS * 1000) == 1 ? 0 : 2;
}

int main(void) {
    int ends[2];
    const int epoll = epoll_create1(0);
    SET_UP(epoll >= 0 && pipe(ends) == 0);
    struct epoll_event event = {.events = EPOLLIN};
    SET_UP(epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &event) == 0);
    const pid_t child = fork();
    if (child == 0)
        _exit(wait_in_child(epoll, ends[1]));
    close(ends[0]);
    close(ends[1]);
    ready();
    await_go();
    expect_child_passes(child, "the child's epoll");
    pass();
}
