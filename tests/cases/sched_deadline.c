// SPDX-License-Identifier: Apache-2.0
// A thread that the kernel runs by a deadline.
#include <sched.h>

#include "case.h"

struct Attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};

enum { DEADLINE = 6 };

int main(void) {
    struct Attributes wanted = {
        .size = sizeof wanted, .policy = DEADLINE, .runtime = 1000000, .deadline = 100000000, .period = 100000000};
    struct Attributes now = {0};
    if (syscall(SYS_sched_setattr, 0, &wanted, 0) != 0)
        UNFIT("no SCHED_DEADLINE here");
    ready();
    await_go();
    EXPECT(syscall(SYS_sched_getattr, 0, &now, sizeof now, 0) == 0 && now.policy == DEADLINE &&
               now.runtime == wanted.runtime,
           "policy %u", now.policy);
    pass();
}
