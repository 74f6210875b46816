// SPDX-License-Identifier: Apache-2.0
// A named semaphore of two processes: its file has lost the name by which it was made.
#include <semaphore.h>

#include "case.h"

static int value_of(sem_t* semaphore) {
    int value = -1;
    sem_getvalue(semaphore, &value);
    return value;
}

int main(void) {
    char name[32];
    snprintf(name, sizeof name, "/cedana-case-%d", getpid());
    sem_t* const semaphore = sem_open(name, O_CREAT | O_EXCL, 0600, 3);
    SET_UP(semaphore != SEM_FAILED);
    const pid_t child = fork();
    if (child == 0) {
        await_go();
        _exit(sem_wait(semaphore) == 0 ? 0 : 1);
    }
    ready();
    await_go();
    expect_child_passes(child, "the child's wait");
    sem_t* const again = sem_open(name, 0);
    sem_unlink(name);
    EXPECT(value_of(semaphore) == 2, "it is at %d", value_of(semaphore));
    EXPECT(again != SEM_FAILED && sem_post(again) == 0, "its name is gone");
    EXPECT(value_of(semaphore) == 3, "its name is another semaphore");
    pass();
}
