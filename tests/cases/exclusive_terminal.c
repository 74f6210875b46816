// SPDX-License-Identifier: Apache-2.0
// A pseudo terminal of its own that nobody else may open (TIOCEXCL), beside one that all may.
#include <sys/ioctl.h>

#include "case.h"

static int open_terminal(void) {
    const int master = posix_openpt(O_RDWR | O_NOCTTY);
    SET_UP(master >= 0 && unlockpt(master) == 0);
    const int terminal = open(ptsname(master), O_RDWR | O_NOCTTY);
    SET_UP(terminal >= 0);
    return terminal;
}

static int is_exclusive(int terminal) {
    int exclusive = -1;
    return ioctl(terminal, TIOCGEXCL, &exclusive) == 0 ? exclusive : -1;
}

int main(void) {
    const int exclusive = open_terminal();
    const int open_to_all = open_terminal();
    SET_UP(ioctl(exclusive, TIOCEXCL) == 0 && is_exclusive(exclusive) == 1 && is_exclusive(open_to_all) == 0);
    ready();
    await_go();
    EXPECT(is_exclusive(exclusive) == 1, "everybody may open it");
    EXPECT(is_exclusive(open_to_all) == 0, "the other one is exclusive");
    pass();
}
