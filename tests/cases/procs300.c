// SPDX-License-Identifier: Apache-2.0
// 300 children.
#include "case.h"

enum { CHILDREN = 300 };

int main(void) {
    static pid_t children[CHILDREN];
    for (int i = 0; i < CHILDREN; ++i) {
        children[i] = fork();
        if (children[i] == 0) {
            await_go();
            _exit(i & 127);
        }
        SET_UP(children[i] > 0);
    }
    ready();
    await_go();
    for (int i = 0; i < CHILDREN; ++i) {
        int status = 0;
        EXPECT(waitpid(children[i], &status, 0) == children[i] && WIFEXITED(status) && WEXITSTATUS(status) == (i & 127),
               "child %d ended with %x", i, (unsigned)status);
    }
    pass();
}
