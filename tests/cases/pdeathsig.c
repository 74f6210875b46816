// SPDX-License-Identifier: Apache-2.0
// The root and a child want a signal at the end of their parents.
#include <sys/prctl.h>

#include "case.h"

static int look_in_child(void) {
    int wanted = 0;
    await_go();
    return prctl(PR_GET_PDEATHSIG, &wanted) == 0 && wanted == SIGTERM ? 0 : 1;
}

int main(void) {
    int answer[2];
    char byte = 0;
    SET_UP(prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && pipe(answer) == 0);
    const pid_t child = fork();
    if (child == 0) {
        SET_UP(prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && write(answer[1], "x", 1) == 1);
        _exit(look_in_child());
    }
    SET_UP(read(answer[0], &byte, 1) == 1);
    ready();
    await_go();
    expect_child_passes(child, "the child's signal");
    pass();
}
