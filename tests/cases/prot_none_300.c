// SPDX-License-Identifier: Apache-2.0
// 300 GiB are reserved (PROT_NONE, counted), and a little of them is used.
#include "case.h"

int main(void) {
    const size_t used = 8 * MIB;
    unsigned char* const reserved = mmap(NULL, 300 * GIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    SET_UP(reserved != MAP_FAILED);
    unsigned char* const memory = reserved + 5 * GIB;
    SET_UP(mprotect(memory, used, PROT_READ | PROT_WRITE) == 0);
    fill(memory, used);
    ready();
    await_go();
    EXPECT(is_filled(memory, used), "its memory is another");
    EXPECT(mprotect(memory, 2 * used, PROT_READ | PROT_WRITE) == 0, "it can take no more of its reservation");
    fill(memory, 2 * used);
    EXPECT(is_filled(memory, 2 * used), "what it took is another");
    pass();
}
