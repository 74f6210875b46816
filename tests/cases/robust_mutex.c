// SPDX-License-Identifier: Apache-2.0
// A mutex in memory of two processes whose owner ends: the other one is told so.
#include "case.h"

int main(void) {
    int answer[2];
    char byte = 0;
    pthread_mutexattr_t attributes;
    pthread_mutex_t* const mutex = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    SET_UP(mutex != MAP_FAILED && pipe(answer) == 0);
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    SET_UP(pthread_mutex_init(mutex, &attributes) == 0);
    const pid_t child = fork();
    if (child == 0) {
        SET_UP(pthread_mutex_lock(mutex) == 0 && write(answer[1], "x", 1) == 1);
        await_go();
        _exit(0);
    }
    SET_UP(read(answer[0], &byte, 1) == 1 && pthread_mutex_trylock(mutex) == EBUSY);
    ready();
    await_go();
    expect_child_passes(child, "the owner");
    const int result = pthread_mutex_trylock(mutex);
    EXPECT(result == EOWNERDEAD, "the lock said %s", strerror(result));
    EXPECT(pthread_mutex_consistent(mutex) == 0 && pthread_mutex_unlock(mutex) == 0, "it cannot be mended");
    pass();
}
