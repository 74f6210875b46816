// SPDX-License-Identifier: Apache-2.0
// Waits without a limit by poll, and has no handler of a signal.
#include <poll.h>

#include "case.h"

static int ends[2];

static void* wake(void* unused) {
    await_asleep(getpid(), getpid());
    ready();
    await_go();
    EXPECT(write(ends[1], "x", 1) == 1, "nothing can be written");
    return unused;
}

int main(void) {
    pthread_t thread;
    SET_UP(pipe(ends) == 0 && pthread_create(&thread, NULL, wake, NULL) == 0);
    struct pollfd entry = {.fd = ends[0], .events = POLLIN};
    const int found = poll(&entry, 1, -1);
    EXPECT(found == 1, "poll said %d", found);
    pass();
}
