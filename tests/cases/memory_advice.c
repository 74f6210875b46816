// SPDX-License-Identifier: Apache-2.0
// Mappings with advice, each told by a flag in smaps; and that a child gets zeros of one, and nothing of another.
#include "case.h"

static const struct {
    int advice;
    const char* flag;
    const char* text;
} advices[] = {
    {MADV_WIPEONFORK, " wf", "MADV_WIPEONFORK"}, {MADV_DONTFORK, " dc", "MADV_DONTFORK"},
    {MADV_DONTDUMP, " dd", "MADV_DONTDUMP"},     {MADV_HUGEPAGE, " hg", "MADV_HUGEPAGE"},
    {MADV_NOHUGEPAGE, " nh", "MADV_NOHUGEPAGE"}, {MADV_SEQUENTIAL, " sr", "MADV_SEQUENTIAL"},
    {MADV_RANDOM, " rr", "MADV_RANDOM"},
};

static bool has_flag(const unsigned char* start, const char* flag) {
    char line[512];
    char name[24];
    bool here = false;
    FILE* const smaps = fopen("/proc/self/smaps", "r");
    snprintf(name, sizeof name, "%lx-", (unsigned long)start);
    while (fgets(line, sizeof line, smaps) != NULL) {
        here = here || strncmp(line, name, strlen(name)) == 0;
        if (here && strncmp(line, "VmFlags:", 8) == 0)
            break;
    }
    fclose(smaps);
    return strstr(line, flag) != NULL;
}

int main(void) {
    const size_t size = 2 * MIB;
    unsigned char* memory[COUNT(advices)];
    bool had[COUNT(advices)];
    for (size_t i = 0; i < COUNT(advices); ++i) {
        memory[i] = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        // So that the kernel does not join them.
        SET_UP(memory[i] != MAP_FAILED &&
               mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
        fill(memory[i], size);
        madvise(memory[i], size, advices[i].advice);
        had[i] = has_flag(memory[i], advices[i].flag);
    }
    SET_UP(had[0] && had[1] && had[2]);
    ready();
    await_go();
    const pid_t child = fork();
    if (child == 0)
        _exit(memory[0][0] == 0 && memory[0][size - 1] == 0 ? 0 : 1);
    expect_child_passes(child, "the child has what was to be wiped");
    for (size_t i = 0; i < COUNT(advices); ++i) {
        EXPECT(is_filled(memory[i], size), "%s: its memory is another", advices[i].text);
        EXPECT(has_flag(memory[i], advices[i].flag) == had[i], "%s is gone", advices[i].text);
    }
    pass();
}
