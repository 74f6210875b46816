// SPDX-License-Identifier: Apache-2.0
// What is set of two threads and of the process, each in another way than that of who restores it.
#include <linux/ioprio.h>
#include <sched.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "case.h"

enum { CLASS_IDLE_IO = 3 << 13, CLASS_BEST_EFFORT_IO = 2 << 13 | 6, THREADS = 2 };

static const struct {
    int nice, io, policy;
    unsigned long slack;
    size_t cpu;
} wanted[THREADS] = {{5, CLASS_BEST_EFFORT_IO, SCHED_OTHER, 123456, 0}, {11, CLASS_IDLE_IO, SCHED_BATCH, 7777, 1}};

static volatile pid_t tids[THREADS];
static pthread_barrier_t step;

static void set_thread(size_t i) {
    cpu_set_t set;
    const struct sched_param none = {0};
    tids[i] = own_tid();
    CPU_ZERO(&set);
    CPU_SET(wanted[i].cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0)
        UNFIT("there is no processor %zu", wanted[i].cpu);
    SET_UP(sched_setscheduler(0, wanted[i].policy, &none) == 0);
    SET_UP(setpriority(PRIO_PROCESS, (id_t)tids[i], wanted[i].nice) == 0);
    SET_UP(syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, wanted[i].io) == 0);
    SET_UP(prctl(PR_SET_TIMERSLACK, wanted[i].slack) == 0);
}

static void look_at_thread(size_t i) {
    cpu_set_t set;
    CPU_ZERO(&set);
    EXPECT(sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) == 1 && CPU_ISSET(wanted[i].cpu, &set),
           "thread %zu: affinity", i);
    EXPECT(sched_getscheduler(0) == wanted[i].policy, "thread %zu: policy %d", i, sched_getscheduler(0));
    EXPECT(getpriority(PRIO_PROCESS, (id_t)tids[i]) == wanted[i].nice, "thread %zu: nice", i);
    EXPECT(syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0) == wanted[i].io, "thread %zu: I/O priority", i);
    EXPECT((unsigned long)prctl(PR_GET_TIMERSLACK) == wanted[i].slack, "thread %zu: timer slack", i);
}

static void* be_second(void* unused) {
    set_thread(1);
    pthread_barrier_wait(&step);
    pthread_barrier_wait(&step);
    look_at_thread(1);
    return unused;
}

static void put(const char* path, const char* text) {
    const int file = open(path, O_WRONLY);
    SET_UP(file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text));
    close(file);
}

static bool holds(const char* path, long value, int base) {
    char text[64] = "";
    const int file = open(path, O_RDONLY);
    const bool was_read = file >= 0 && read(file, text, sizeof text - 1) > 0;
    close(file);
    return was_read && strtol(text, NULL, base) == value;
}

static const struct rlimit stack = {3 * MIB, 64 * MIB};

static void set_process(void) {
    put("/proc/self/oom_score_adj", "321");
    put("/proc/self/coredump_filter", "0x11");
    SET_UP(personality(ADDR_NO_RANDOMIZE | ADDR_COMPAT_LAYOUT) != -1);
    SET_UP(setrlimit(RLIMIT_STACK, &stack) == 0);
    SET_UP(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0 && prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) == 0);
    SET_UP(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    umask(0137);
}

static void look_at_process(void) {
    struct rlimit now;
    EXPECT(holds("/proc/self/oom_score_adj", 321, 10), "oom_score_adj");
    EXPECT(holds("/proc/self/coredump_filter", 0x11, 16), "coredump filter");
    EXPECT(personality(0xffffffff) == (ADDR_NO_RANDOMIZE | ADDR_COMPAT_LAYOUT), "personality %x",
           (unsigned)personality(0xffffffff));
    EXPECT(getrlimit(RLIMIT_STACK, &now) == 0 && now.rlim_cur == stack.rlim_cur && now.rlim_max == stack.rlim_max,
           "limit of the stack");
    int subreaper = 0;
    EXPECT(prctl(PR_GET_CHILD_SUBREAPER, &subreaper) == 0 && subreaper == 1, "child subreaper");
    EXPECT(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 1, "transparent huge pages");
    EXPECT(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1, "no new privileges");
    EXPECT(umask(0) == 0137, "umask");
}

int main(void) {
    pthread_t second;
    pthread_barrier_init(&step, NULL, THREADS);
    SET_UP(pthread_create(&second, NULL, be_second, NULL) == 0);
    set_thread(0);
    set_process();
    pthread_barrier_wait(&step);
    ready();
    await_go();
    look_at_thread(0);
    look_at_process();
    pthread_barrier_wait(&step);
    pthread_join(second, NULL);
    pass();
}
