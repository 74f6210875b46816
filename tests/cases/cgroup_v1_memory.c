// SPDX-License-Identifier: Apache-2.0
// It is started in a group of its own, with a limit, of the hierarchy of memory.
#include "case.h"

static void read_group(char* text, size_t size) {
    FILE* const file = fopen("/proc/self/cgroup", "r");
    SET_UP(file != NULL);
    while (fgets(text, (int)size, file) != NULL && strstr(text, ":memory:") == NULL) {}
    fclose(file);
    text[strcspn(text, "\n")] = '\0';
}

static long limit_of(const char* group) {
    char path[512];
    snprintf(path, sizeof path, "/sys/fs/cgroup/memory%s/memory.limit_in_bytes", strrchr(group, ':') + 1);
    FILE* const file = fopen(path, "r");
    long limit = -1;
    if (file == NULL || fscanf(file, "%ld", &limit) != 1)
        return -1;
    fclose(file);
    return limit;
}

int main(void) {
    char before[256];
    char now[256];
    read_group(before, sizeof before);
    const long limit = limit_of(before);
    SET_UP(limit > 0 && limit < (long)GIB);
    ready();
    await_go();
    read_group(now, sizeof now);
    EXPECT(strcmp(now, before) == 0, "it is in %s now", now);
    EXPECT(limit_of(now) == limit, "its limit is %ld now", limit_of(now));
    pass();
}
