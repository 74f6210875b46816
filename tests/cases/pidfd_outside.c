// SPDX-License-Identifier: Apache-2.0
// A descriptor of a process outside of the tree.
#include "case.h"

int main(void) {
    const int process = (int)syscall(SYS_pidfd_open, 1, 0);
    SET_UP(process >= 0);
    ready();
    await_go();
    EXPECT(syscall(SYS_pidfd_send_signal, process, 0, NULL, 0) == 0, "the descriptor is another");
    pass();
}
