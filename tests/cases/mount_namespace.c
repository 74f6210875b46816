// SPDX-License-Identifier: Apache-2.0
// A mount namespace of its own, with a file system that is there alone.
#include <sched.h>
#include <sys/mount.h>

#include "case.h"

static void replace(int descriptor, const char* path, int flags) {
    const int file = open(path, flags);
    SET_UP(file >= 0 && dup2(file, descriptor) == descriptor);
    close(file);
}

// Begins once more in there: what it has open lies in there too, unless it is redirected from outside.
static void enter(const char* program, bool from_outside) {
    char folder[256];
    SET_UP(unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
    SET_UP(getcwd(folder, sizeof folder) != NULL && chdir("/") == 0 && chdir(folder) == 0);
    SET_UP(mkdir("own", 0700) == 0 && mount("tmpfs", "own", "tmpfs", 0, NULL) == 0);
    if (!from_outside) {
        replace(0, "/dev/null", O_RDONLY);
        replace(1, "out", O_WRONLY | O_APPEND);
        replace(2, "out", O_WRONLY | O_APPEND);
    }
    execl(program, program, "inside", (char*)NULL);
    SET_UP(!"exec");
}

int main(int count, char** arguments) {
    const char* const how = count > 1 ? arguments[1] : "";
    if (strcmp(how, "inside") != 0)
        enter(arguments[0], strcmp(how, "redirected") == 0);
    const int flags = fcntl(0, F_GETFL);
    const int file = new_file("own/file");
    SET_UP(write(file, "kept", 4) == 4);
    ready();
    await_go();
    char bytes[4] = "";
    const int again = open("own/file", O_RDONLY);
    EXPECT(again >= 0 && read(again, bytes, 4) == 4 && memcmp(bytes, "kept", 4) == 0, "its file is not there");
    EXPECT(write(file, "more", 4) == 4, "its file cannot be written to");
    EXPECT(fcntl(0, F_GETFL) == flags && read(0, bytes, 1) == 0, "its input is not as it was");
    pass();
}
