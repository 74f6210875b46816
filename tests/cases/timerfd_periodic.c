// SPDX-License-Identifier: Apache-2.0
// A periodic timer that has run out, and nobody has read it.
#include <poll.h>
#include <sys/timerfd.h>

#include "case.h"

int main(void) {
    const struct itimerspec every = {{0, 50000000}, {0, 50000000}};
    const int timer = timerfd_create(CLOCK_MONOTONIC, 0);
    struct pollfd entry = {.fd = timer, .events = POLLIN};
    SET_UP(timer >= 0 && timerfd_settime(timer, 0, &every, NULL) == 0);
    SET_UP(poll(&entry, 1, LIMIT_SECONDS * 1000) == 1);
    ready();
    await_go();
    for (int i = 0; i < 10; ++i) {
        uint64_t ticks = 0;
        EXPECT(poll(&entry, 1, LIMIT_SECONDS * 1000) == 1 && read(timer, &ticks, sizeof ticks) == sizeof ticks,
               "it has stopped after %d", i);
    }
    pass();
}
