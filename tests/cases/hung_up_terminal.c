// SPDX-License-Identifier: Apache-2.0
// The master of a pseudo terminal that everybody has left, and one whose terminal nobody had open yet.
#include <poll.h>

#include "case.h"

static int new_master(void) {
    const int master = posix_openpt(O_RDWR | O_NOCTTY);
    SET_UP(master >= 0 && unlockpt(master) == 0);
    return master;
}

static bool is_left(int master) {
    struct pollfd entry = {.fd = master};
    return poll(&entry, 1, 0) == 1 && (entry.revents & POLLHUP) != 0;
}

int main(void) {
    const int left = new_master();
    const int fresh = new_master();
    const int terminal = open(ptsname(left), O_RDWR | O_NOCTTY);
    char byte = 0;
    SET_UP(terminal >= 0 && close(terminal) == 0 && is_left(left) && !is_left(fresh));
    ready();
    await_go();
    EXPECT(is_left(left) && read(left, &byte, 1) == -1 && errno == EIO, "nothing tells that all have left");
    EXPECT(!is_left(fresh), "one is left that nobody had");
    pass();
}
