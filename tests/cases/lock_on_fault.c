// SPDX-License-Identifier: Apache-2.0
// Memory that is locked page by page, as each is touched (MLOCK_ONFAULT): a restore must not fill it.
#include "case.h"

static long status_kib(const char* key) {
    char line[256];
    long found = -1;
    FILE* const status = fopen("/proc/self/status", "r");
    while (fgets(line, sizeof line, status) != NULL)
        if (strncmp(line, key, strlen(key)) == 0)
            sscanf(line + strlen(key), ": %ld", &found);
    fclose(status);
    return found;
}

int main(void) {
    const size_t size = 300 * MIB;
    const size_t touched = MIB;
    unsigned char* const memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    SET_UP(memory != MAP_FAILED);
    if (mlock2(memory, size, MLOCK_ONFAULT) != 0)
        UNFIT("nothing can be locked");
    fill(memory, touched);
    fill(memory + size / 2, touched);
    ready();
    await_go();
    EXPECT(is_filled(memory, touched) && is_filled(memory + size / 2, touched), "its memory is another");
    EXPECT(status_kib("VmLck") >= 2048, "%ld KiB are locked", status_kib("VmLck"));
    EXPECT(status_kib("VmRSS") < 100 * 1024, "%ld KiB are there", status_kib("VmRSS"));
    EXPECT(memory[size / 3] == 0, "what was not touched is not zero");
    pass();
}
