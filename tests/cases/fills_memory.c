// SPDX-License-Identifier: Apache-2.0
// 100 MiB of memory, and a child that has it in common with it since a fork.
#include "case.h"

int main(void) {
    const size_t size = 100 * MIB;
    unsigned char* const memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    SET_UP(memory != MAP_FAILED);
    fill(memory, size);
    const pid_t child = fork();
    if (child == 0) {
        await_go();
        _exit(is_filled(memory, size) ? 0 : 1);
    }
    ready();
    await_go();
    EXPECT(is_filled(memory, size), "its memory is another");
    expect_child_passes(child, "the child's memory");
    pass();
}
