// SPDX-License-Identifier: Apache-2.0
// Has the folders of processes in /proc open: of itself, of a child, of one outside.
#include "case.h"

static int folder_of(pid_t pid) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d", pid);
    const int folder = open(path, O_RDONLY | O_DIRECTORY);
    SET_UP(folder >= 0);
    return folder;
}

static pid_t pid_in(int folder) {
    char bytes[16] = "";
    const int stat = openat(folder, "stat", O_RDONLY);
    EXPECT(stat >= 0 && read(stat, bytes, sizeof bytes - 1) > 0, "a folder is empty");
    close(stat);
    return atoi(bytes);
}

int main(void) {
    const pid_t child = fork();
    if (child == 0) {
        await_go();
        _exit(0);
    }
    const pid_t pids[] = {1, getpid(), child};
    int folders[COUNT(pids)];
    for (size_t i = 0; i < COUNT(pids); ++i)
        folders[i] = folder_of(pids[i]);
    ready();
    await_go();
    for (size_t i = 0; i < COUNT(pids); ++i)
        EXPECT(pid_in(folders[i]) == pids[i], "the folder of %d is that of %d", pids[i], pid_in(folders[i]));
    expect_child_passes(child, "the child");
    pass();
}
