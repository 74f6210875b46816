// SPDX-License-Identifier: Apache-2.0
// A terminal of its own whose foreground process group has ended, as of a shell's job that was killed.
#include <pty.h>

#include "case.h"

int main(void) {
    int master = -1;
    int told[2];
    char byte = 0;
    SET_UP(pipe(told) == 0);
    const pid_t leader = forkpty(&master, NULL, NULL, NULL);
    if (leader == 0) {
        signal(SIGTTOU, SIG_IGN);
        const pid_t job = fork();
        if (job == 0) {
            setpgid(0, 0);
            tcsetpgrp(0, getpid());
            _exit(0);
        }
        waitpid(job, NULL, 0);
        SET_UP(write(told[1], "x", 1) == 1);
        while (true)
            pause();
    }
    SET_UP(leader > 0 && read(told[0], &byte, 1) == 1);
    ready();
    await_go();
    EXPECT(tcgetpgrp(master) > 0, "nobody is in the foreground");
    EXPECT(kill(leader, 0) == 0, "the leader has ended");
    kill(leader, SIGKILL);
    waitpid(leader, NULL, 0);
    pass();
}
