// SPDX-License-Identifier: Apache-2.0
// Huge pages that are shared: without a file, of a memfd, and private ones of a memfd. Argument: anonymous, memfd or
// private.
#include "case.h"

int main(int count, char** arguments) {
    const size_t size = 4 * MIB;
    SET_UP(count == 2);
    const bool is_anonymous = strcmp(arguments[1], "anonymous") == 0;
    const bool is_private = strcmp(arguments[1], "private") == 0;
    int file = -1;
    if (!is_anonymous) {
        file = memfd_create("case", MFD_HUGETLB);
        SET_UP(file >= 0 && ftruncate(file, (off_t)size) == 0);
    }
    const int flags = (is_private ? MAP_PRIVATE : MAP_SHARED) | (is_anonymous ? MAP_ANONYMOUS | MAP_HUGETLB : 0);
    unsigned char* const memory = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, file, 0);
    SET_UP(memory != MAP_FAILED);
    fill(memory, size);
    ready();
    await_go();
    EXPECT(is_filled(memory, size), "its memory is another");
    const pid_t child = fork();
    if (child == 0) {
        memory[0] = (unsigned char)~memory[0];
        _exit(0);
    }
    expect_child_passes(child, "the child");
    EXPECT(is_filled(memory, size) == is_private, "it is shared in another way");
    pass();
}
