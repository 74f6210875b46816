// SPDX-License-Identifier: Apache-2.0
// What every case says and awaits: it sets something up, prints READY, awaits the signal to go, looks whether all is as
// it was, and prints PASS, or FAIL and why. Where the host cannot do it, UNFIT and why, in place of READY.
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { GO_SIGNAL = SIGUSR2, LIMIT_SECONDS = 30 };
#define KIB 1024UL
#define MIB (1024UL * KIB)
#define GIB (1024UL * MIB)
#define COUNT(array) (sizeof(array) / sizeof *(array))

static inline sigset_t only_go(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, GO_SIGNAL);
    return set;
}

// Before main and every thread: it waits in each of them until somebody asks for it.
__attribute__((constructor)) static inline void hold_go_back(void) {
    const sigset_t go = only_go();
    sigprocmask(SIG_BLOCK, &go, NULL);
}

__attribute__((noreturn, format(printf, 2, 3))) static inline void end_with(const char* word, const char* format, ...) {
    const int error = errno;
    va_list arguments;
    va_start(arguments, format);
    printf("%s: ", word);
    vprintf(format, arguments);
    va_end(arguments);
    printf(" (last error: %s)\n", strerror(error));
    fflush(stdout);
    exit(1);
}

#define FAIL(...) end_with("FAIL", __VA_ARGS__)
// What the host lacks.
#define UNFIT(...) end_with("UNFIT", __VA_ARGS__)
#define EXPECT(holds, ...)                                                                                             \
    do {                                                                                                               \
        if (!(holds))                                                                                                  \
            FAIL(__VA_ARGS__);                                                                                         \
    } while (0)
// As EXPECT, where more is looked at afterwards: all that is wrong is told at the end, by pass_if_right().
#define LOOK(holds, ...)                                                                                               \
    do {                                                                                                               \
        if (!(holds))                                                                                                  \
            note(__VA_ARGS__);                                                                                         \
    } while (0)
// What must work beforehand.
#define SET_UP(done)                                                                                                   \
    do {                                                                                                               \
        if (!(done))                                                                                                   \
            end_with("NOT SET UP", "%s", #done);                                                                       \
    } while (0)

static char noted[2048];

__attribute__((format(printf, 1, 2))) static inline void note(const char* format, ...) {
    const size_t used = strlen(noted);
    va_list arguments;
    va_start(arguments, format);
    if (used + 2 < sizeof noted) {
        strcpy(noted + used, "; ");
        vsnprintf(noted + used + 2, sizeof noted - used - 2, format, arguments);
    }
    va_end(arguments);
}

static inline void ready(void) {
    puts("READY");
    fflush(stdout);
}

// Each process of the tree gets the signal once.
static inline void await_go(void) {
    const sigset_t go = only_go();
    int signal = 0;
    sigwait(&go, &signal);
}

__attribute__((noreturn)) static inline void pass(void) {
    puts("PASS");
    fflush(stdout);
    exit(0);
}

__attribute__((noreturn)) static inline void pass_if_right(void) {
    EXPECT(noted[0] == '\0', "%s", noted + 2);
    pass();
}

static inline double seconds_now(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

// Until that thread (or process) stands in a system call.
static inline void await_asleep(pid_t process, pid_t thread) {
    char path[64];
    char state = 'R';
    snprintf(path, sizeof path, "/proc/%d/task/%d/stat", process, thread);
    while (state != 'S') {
        FILE* const stat = fopen(path, "r");
        SET_UP(stat != NULL);
        SET_UP(fscanf(stat, "%*d %*[^)]) %c", &state) == 1);
        fclose(stat);
        sched_yield();
    }
}

// A child that looks itself ends with the number of what is wrong, or 0.
static inline void expect_child_passes(pid_t child, const char* what) {
    int status = 0;
    EXPECT(waitpid(child, &status, 0) == child, "%s: no child", what);
    EXPECT(status == 0, "%s: status %x", what, (unsigned)status);
}

static inline int new_file(const char* name) {
    const int file = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
    SET_UP(file >= 0);
    return file;
}

static inline pid_t own_tid(void) { return (pid_t)syscall(SYS_gettid); }

static inline unsigned char byte_at(size_t offset) { return (unsigned char)(offset / 4096 * 7 + 3); }

static inline void fill(unsigned char* memory, size_t size) {
    for (size_t offset = 0; offset < size; offset += 512)
        memory[offset] = byte_at(offset);
}

static inline bool is_filled(const unsigned char* memory, size_t size) {
    for (size_t offset = 0; offset < size; offset += 512)
        if (memory[offset] != byte_at(offset))
            return false;
    return true;
}

// Whether reading there ends a process.
static inline bool is_guarded(const volatile unsigned char* byte) {
    const pid_t child = fork();
    if (child == 0) {
        (void)*byte;
        _exit(0);
    }
    int status = 0;
    return waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}
