// SPDX-License-Identifier: Apache-2.0
// Holds a lock on a file of its folder. Argument: flock, posix or ofd.
#include <sys/file.h>

#include "case.h"

static bool is_locked(int file, const char* kind) {
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (strcmp(kind, "flock") == 0)
        return flock(file, LOCK_EX | LOCK_NB) == 0;
    return fcntl(file, strcmp(kind, "ofd") == 0 ? F_OFD_SETLK : F_SETLK, &whole) == 0;
}

// Locks of one process do not stand in each other's way.
static int try_in_child(const char* kind) {
    const int other = open("lock", O_RDWR);
    return other >= 0 && !is_locked(other, kind) ? 0 : 1;
}

int main(int count, char** arguments) {
    SET_UP(count == 2);
    const int file = new_file("lock");
    SET_UP(is_locked(file, arguments[1]));
    ready();
    await_go();
    const pid_t child = fork();
    if (child == 0)
        _exit(try_in_child(arguments[1]));
    expect_child_passes(child, "another one could lock it");
    EXPECT(is_locked(file, arguments[1]), "it cannot lock it again");
    pass();
}
