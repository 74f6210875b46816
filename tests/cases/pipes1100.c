// SPDX-License-Identifier: Apache-2.0
// 1,100 empty pipes.
#include "case.h"

enum { PIPES = 1100 };

int main(void) {
    static int ends[PIPES][2];
    for (int i = 0; i < PIPES; ++i)
        if (pipe(ends[i]) != 0)
            UNFIT("no %d pipes can be had", PIPES);
    ready();
    await_go();
    for (int i = 0; i < PIPES; ++i) {
        const char sent = (char)i;
        char taken = (char)~sent;
        EXPECT(write(ends[i][1], &sent, 1) == 1 && read(ends[i][0], &taken, 1) == 1 && taken == sent, "pipe %d", i);
    }
    pass();
}
