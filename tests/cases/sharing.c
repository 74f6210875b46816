// SPDX-License-Identifier: Apache-2.0
// A child that has something in common with its parent (clone), or a thread that has something of its own (unshare).
// Argument: what.
#include <sched.h>

#include "case.h"

static int wait_for_ever(void* nothing) {
    while (true)
        pause();
    return nothing != NULL;
}

static pid_t child;

static void clone_child(int flags) {
    static char stack[64 * KIB] __attribute__((aligned(16)));
    child = clone(wait_for_ever, stack + sizeof stack, flags, NULL);
    SET_UP(child > 0);
}

static pthread_barrier_t left;
static int unshared;

static void* leave(void* flags) {
    if (unshare(*(int*)flags) != 0)
        unshared = errno;
    pthread_barrier_wait(&left);
    wait_for_ever(NULL);
    return NULL;
}

static void leave_in_thread(int flags) {
    pthread_t thread;
    SET_UP(pthread_barrier_init(&left, NULL, 2) == 0);
    SET_UP(pthread_create(&thread, NULL, leave, &flags) == 0);
    pthread_barrier_wait(&left);
    if (unshared != 0)
        UNFIT("a thread cannot leave");
}

static const struct {
    const char* what;
    void (*make)(int flags);
    int flags;
} kinds[] = {
    {"memory", clone_child, CLONE_VM | SIGCHLD},         {"folders", clone_child, CLONE_FS | SIGCHLD},
    {"descriptors", clone_child, CLONE_FILES | SIGCHLD}, {"end-signal", clone_child, SIGUSR1},
    {"thread-folders", leave_in_thread, CLONE_FS},       {"thread-descriptors", leave_in_thread, CLONE_FILES},
    {"thread-network", leave_in_thread, CLONE_NEWNET},   {"thread-name", leave_in_thread, CLONE_NEWUTS},
};

int main(int count, char** arguments) {
    bool made = false;
    SET_UP(count == 2);
    signal(SIGUSR1, SIG_IGN);
    for (size_t i = 0; i < COUNT(kinds); ++i)
        if (strcmp(kinds[i].what, arguments[1]) == 0) {
            kinds[i].make(kinds[i].flags);
            made = true;
        }
    SET_UP(made);
    ready();
    await_go();
    if (child > 0)
        EXPECT(kill(child, SIGKILL) == 0 && waitpid(child, NULL, __WALL) == child, "its child is gone");
    pass();
}
