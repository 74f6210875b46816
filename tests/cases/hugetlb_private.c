// SPDX-License-Identifier: Apache-2.0
// Private huge pages.
#include "case.h"

int main(void) {
    const size_t size = 4 * MIB;
    unsigned char* const memory =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
    SET_UP(memory != MAP_FAILED);
    fill(memory, size);
    ready();
    await_go();
    EXPECT(is_filled(memory, size), "its memory is another");
    pass();
}
