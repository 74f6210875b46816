// SPDX-License-Identifier: Apache-2.0
// System calls that its own handler takes (PR_SET_SYSCALL_USER_DISPATCH), as Wine does it.
#include <sys/prctl.h>

#include "case.h"

enum { SET_DISPATCH = 59, ON = 1 };

static volatile char selector;
static volatile int taken;

static void take(int signal) {
    (void)signal;
    selector = 0;
    ++taken;
}

int main(void) {
    SET_UP(signal(SIGSYS, take) != SIG_ERR);
    if (prctl(SET_DISPATCH, ON, 0L, 0L, &selector) != 0)
        UNFIT("no PR_SET_SYSCALL_USER_DISPATCH here");
    selector = 1;
    getppid();
    SET_UP(taken == 1);
    ready();
    await_go();
    selector = 1;
    getppid();
    selector = 0;
    EXPECT(taken == 2, "its handler is not asked any more");
    pass();
}
