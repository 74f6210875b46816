// SPDX-License-Identifier: Apache-2.0
// All of its memory is locked, and what it maps later is to be (mlockall).
#include "case.h"

static long locked_kib(void) {
    char line[256];
    long found = -1;
    FILE* const status = fopen("/proc/self/status", "r");
    while (fgets(line, sizeof line, status) != NULL)
        if (sscanf(line, "VmLck: %ld", &found) == 1)
            break;
    fclose(status);
    return found;
}

int main(void) {
    const size_t size = MIB;
    if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0)
        UNFIT("nothing can be locked");
    unsigned char* const memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    SET_UP(memory != MAP_FAILED);
    fill(memory, size);
    const long before = locked_kib();
    SET_UP(before >= 1024);
    ready();
    await_go();
    EXPECT(is_filled(memory, size), "its memory is another");
    EXPECT(locked_kib() >= before, "%ld KiB are locked, and were %ld", locked_kib(), before);
    pass();
}
