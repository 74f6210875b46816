// SPDX-License-Identifier: Apache-2.0
// An eventfd of which each read takes one (EFD_SEMAPHORE), which CRIU cannot bring back so: a dump says it.
#include <sys/eventfd.h>

#include "case.h"

int main(void) {
    const int counter = eventfd(3, EFD_SEMAPHORE | EFD_NONBLOCK);
    uint64_t taken = 0;
    SET_UP(counter >= 0);
    ready();
    await_go();
    EXPECT(read(counter, &taken, sizeof taken) == sizeof taken && taken > 0, "its count is gone");
    pass();
}
