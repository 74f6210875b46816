// SPDX-License-Identifier: Apache-2.0
// Children whose waits were stopped (Ctrl-Z) and resumed (fg) before: the kernel has them in restart_syscall(2).
#include <linux/futex.h>
#include <poll.h>

#include "case.h"

static const struct timespec long_time = {600, 0};
static int silent[2];

static void wait_poll(void) {
    struct pollfd entry = {.fd = silent[0], .events = POLLIN};
    poll(&entry, 1, 600000);
}

static void wait_poll_of_nothing(void) { poll(NULL, 0, 600000); }

static void wait_nanosleep(void) {
    struct timespec rest;
    syscall(SYS_nanosleep, &long_time, &rest);
}

static void wait_clock_nanosleep(void) { clock_nanosleep(CLOCK_MONOTONIC, 0, &long_time, NULL); }

static void wait_sleep(void) { sleep(600); }

static void wait_condition(void) {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += long_time.tv_sec;
    pthread_mutex_lock(&mutex);
    pthread_cond_timedwait(&condition, &mutex, &end);
}

static void wait_futex(void) {
    static uint32_t word;
    syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &long_time, NULL, 0);
}

static const struct {
    const char* text;
    void (*wait)(void);
} calls[] = {
    {"poll", wait_poll},           {"poll of nothing", wait_poll_of_nothing},
    {"nanosleep", wait_nanosleep}, {"clock_nanosleep", wait_clock_nanosleep},
    {"sleep", wait_sleep},         {"pthread_cond_timedwait", wait_condition},
    {"futex", wait_futex},
};

static pid_t start(void (*wait)(void)) {
    const pid_t child = fork();
    int status = 0;
    if (child == 0) {
        wait();
        _exit(7);
    }
    await_asleep(child, child);
    SET_UP(kill(child, SIGSTOP) == 0 && waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
    SET_UP(kill(child, SIGCONT) == 0 && waitpid(child, &status, WCONTINUED) == child);
    await_asleep(child, child);
    return child;
}

int main(void) {
    pid_t children[COUNT(calls)];
    SET_UP(pipe(silent) == 0);
    for (size_t i = 0; i < COUNT(calls); ++i)
        children[i] = start(calls[i].wait);
    ready();
    await_go();
    for (size_t i = 0; i < COUNT(calls); ++i) {
        int status = 0;
        // What was broken off ends at once; what waits on is ended by this.
        kill(children[i], SIGTERM);
        waitpid(children[i], &status, 0);
        LOOK(WIFSIGNALED(status), "%s was broken off", calls[i].text);
    }
    pass_if_right();
}
