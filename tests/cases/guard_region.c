// SPDX-License-Identifier: Apache-2.0
// Pages that the kernel guards within a mapping (MADV_GUARD_INSTALL), as newer C libraries have them below each stack.
#include "case.h"

enum { GUARD_INSTALL = 102 };

int main(void) {
    const size_t size = MIB;
    const size_t guard = 64 * KIB;
    unsigned char* const memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    SET_UP(memory != MAP_FAILED);
    if (madvise(memory, guard, GUARD_INSTALL) != 0)
        UNFIT("no MADV_GUARD_INSTALL here (Linux 6.13)");
    fill(memory + guard, size - guard);
    SET_UP(is_guarded(memory) && is_guarded(memory + guard - 1));
    ready();
    await_go();
    EXPECT(is_filled(memory + guard, size - guard), "its memory is another");
    EXPECT(is_guarded(memory) && is_guarded(memory + guard - 1), "the guard is gone");
    pass();
}
