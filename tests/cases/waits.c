// SPDX-License-Identifier: Apache-2.0
// A thread in each of many calls that wait: none is to end before what it waits for comes.
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>

#include "case.h"

enum { LONG_SECONDS = 600, NAP_SECONDS = 4 };

static const struct timespec long_time = {LONG_SECONDS, 0};

static struct timespec in_seconds(clockid_t clock, long seconds) {
    struct timespec time;
    clock_gettime(clock, &time);
    time.tv_sec += seconds;
    return time;
}

static int ends[16][2];

static bool wait_poll(int* pipe) {
    struct pollfd entry = {.fd = pipe[0], .events = POLLIN};
    return poll(&entry, 1, LONG_SECONDS * 1000) == 1;
}

static bool wait_ppoll(int* pipe) {
    struct pollfd entry = {.fd = pipe[0], .events = POLLIN};
    return ppoll(&entry, 1, &long_time, NULL) == 1;
}

static bool wait_select(int* pipe) {
    fd_set set;
    struct timeval limit = {LONG_SECONDS, 0};
    FD_ZERO(&set);
    FD_SET(pipe[0], &set);
    return select(pipe[0] + 1, &set, NULL, NULL, &limit) == 1;
}

static bool wait_pselect(int* pipe) {
    fd_set set;
    FD_ZERO(&set);
    FD_SET(pipe[0], &set);
    return pselect(pipe[0] + 1, &set, NULL, NULL, NULL, NULL) == 1;
}

static int epoll_of(int* pipe) {
    const int epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN};
    SET_UP(epoll >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, pipe[0], &event) == 0);
    return epoll;
}

static bool wait_epoll(int* pipe) {
    struct epoll_event event;
    return epoll_wait(epoll_of(pipe), &event, 1, -1) == 1;
}

static bool wait_epoll_pwait2(int* pipe) {
    struct epoll_event event;
    return syscall(SYS_epoll_pwait2, epoll_of(pipe), &event, 1, &long_time, NULL, 0) == 1;
}

static bool wait_read(int* pipe) {
    char byte = 0;
    return read(pipe[0], &byte, 1) == 1;
}

static sem_t semaphores[2];

static bool wait_sem_timedwait(int* unused) {
    const struct timespec end = in_seconds(CLOCK_REALTIME, LONG_SECONDS);
    (void)unused;
    return sem_timedwait(&semaphores[0], &end) == 0;
}

static bool wait_sem_wait(int* unused) {
    (void)unused;
    return sem_wait(&semaphores[1]) == 0;
}

static uint32_t words[2];

static bool wait_futex(int* unused) {
    (void)unused;
    return syscall(SYS_futex, &words[0], FUTEX_WAIT, 0, &long_time, NULL, 0) == 0;
}

static bool wait_futex_bitset(int* unused) {
    const struct timespec end = in_seconds(CLOCK_MONOTONIC, LONG_SECONDS);
    (void)unused;
    return syscall(SYS_futex, &words[1], FUTEX_WAIT_BITSET_PRIVATE, 0, &end, NULL, FUTEX_BITSET_MATCH_ANY) == 0;
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;

static bool wait_condition(int* unused) {
    const struct timespec end = in_seconds(CLOCK_REALTIME, LONG_SECONDS);
    (void)unused;
    pthread_mutex_lock(&mutex);
    const bool woken = pthread_cond_timedwait(&condition, &mutex, &end) == 0;
    pthread_mutex_unlock(&mutex);
    return woken;
}

static bool wait_nanosleep(int* unused) {
    const struct timespec length = {NAP_SECONDS, 0};
    (void)unused;
    return nanosleep(&length, NULL) == 0;
}

static bool wait_until_time(int* unused) {
    const struct timespec end = in_seconds(CLOCK_MONOTONIC, NAP_SECONDS);
    (void)unused;
    return clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL) == 0;
}

static bool wait_signal(int* unused) {
    sigset_t one;
    (void)unused;
    sigemptyset(&one);
    sigaddset(&one, SIGUSR1);
    // The C library begins it anew by itself.
    return syscall(SYS_rt_sigtimedwait, &one, NULL, &long_time, 8) == SIGUSR1;
}

static int locked;

static bool wait_posix_lock(int* unused) {
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    const int file = open("waits-lock", O_RDWR);
    (void)unused;
    return fcntl(file, F_OFD_SETLKW, &whole) == 0;
}

static void unlock(void) {
    struct flock whole = {.l_type = F_UNLCK, .l_whence = SEEK_SET};
    fcntl(locked, F_OFD_SETLK, &whole);
}

static int event_counter;

static bool wait_eventfd(int* unused) {
    uint64_t count = 0;
    (void)unused;
    return read(event_counter, &count, sizeof count) == sizeof count;
}

static int watch;

static bool wait_inotify(int* unused) {
    char event[512];
    (void)unused;
    return read(watch, event, sizeof event) > 0;
}

static int listening;

static bool wait_accept(int* unused) {
    (void)unused;
    return accept(listening, NULL, NULL) >= 0;
}

static const struct {
    const char* text;
    bool (*wait)(int*);
} calls[] = {
    {"poll", wait_poll},
    {"ppoll", wait_ppoll},
    {"select", wait_select},
    {"pselect", wait_pselect},
    {"epoll_wait", wait_epoll},
    {"epoll_pwait2", wait_epoll_pwait2},
    {"read of a pipe", wait_read},
    {"sem_timedwait", wait_sem_timedwait},
    {"sem_wait", wait_sem_wait},
    {"futex", wait_futex},
    {"futex with a point of time", wait_futex_bitset},
    {"pthread_cond_timedwait", wait_condition},
    {"nanosleep", wait_nanosleep},
    {"clock_nanosleep until", wait_until_time},
    {"sigtimedwait", wait_signal},
    {"F_OFD_SETLKW", wait_posix_lock},
    {"read of an eventfd", wait_eventfd},
    {"read of an inotify", wait_inotify},
    {"accept", wait_accept},
};

static pthread_t threads[COUNT(calls)];
static volatile pid_t tids[COUNT(calls)];
static volatile bool over[COUNT(calls)];
static volatile bool woken[COUNT(calls)];

static void* wait_in_one(void* number) {
    const size_t i = (size_t)number;
    tids[i] = own_tid();
    errno = 0;
    woken[i] = calls[i].wait(i < COUNT(ends) ? ends[i] : NULL);
    over[i] = true;
    if (!woken[i])
        printf("note: %s: %s\n", calls[i].text, strerror(errno));
    return NULL;
}

static void set_up(void) {
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, SIGUSR1);
    sigprocmask(SIG_BLOCK, &one, NULL);
    for (size_t i = 0; i < COUNT(ends); ++i)
        SET_UP(pipe(ends[i]) == 0);
    for (size_t i = 0; i < COUNT(semaphores); ++i)
        sem_init(&semaphores[i], 0, 0);
    locked = new_file("waits-lock");
    SET_UP(fcntl(locked, F_OFD_SETLK, &whole) == 0);
    event_counter = eventfd(0, 0);
    watch = inotify_init();
    SET_UP(event_counter >= 0 && watch >= 0 && inotify_add_watch(watch, ".", IN_CREATE) >= 0);
    listening = socket(AF_UNIX, SOCK_STREAM, 0);
    SET_UP(listening >= 0 && bind(listening, &(struct sockaddr){.sa_family = AF_UNIX}, sizeof(sa_family_t)) == 0);
    SET_UP(listen(listening, 4) == 0);
}

static void connect_to_listening(void) {
    struct sockaddr_storage name;
    socklen_t size = sizeof name;
    const int client = socket(AF_UNIX, SOCK_STREAM, 0);
    EXPECT(getsockname(listening, (void*)&name, &size) == 0 && connect(client, (void*)&name, size) == 0,
           "nobody listens");
}

static void wake_all(void) {
    for (size_t i = 0; i < COUNT(ends); ++i)
        EXPECT(write(ends[i][1], "x", 1) == 1, "a pipe is gone");
    for (size_t i = 0; i < COUNT(semaphores); ++i)
        sem_post(&semaphores[i]);
    syscall(SYS_futex, &words[0], FUTEX_WAKE, 1, NULL, NULL, 0);
    syscall(SYS_futex, &words[1], FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    pthread_mutex_lock(&mutex);
    pthread_cond_signal(&condition);
    pthread_mutex_unlock(&mutex);
    kill(getpid(), SIGUSR1);
    unlock();
    eventfd_write(event_counter, 1);
    close(new_file("waits-new"));
    connect_to_listening();
}

// Without an argument of the sleeps too, which end by themselves.
int main(void) {
    char wrong[512] = "";
    set_up();
    for (size_t i = 0; i < COUNT(calls); ++i)
        SET_UP(pthread_create(&threads[i], NULL, wait_in_one, (void*)i) == 0);
    for (size_t i = 0; i < COUNT(calls); ++i) {
        while (tids[i] == 0)
            sched_yield();
        await_asleep(getpid(), tids[i]);
    }
    ready();
    await_go();
    for (size_t i = 0; i < COUNT(calls); ++i)
        if (over[i] && !woken[i])
            snprintf(wrong + strlen(wrong), sizeof wrong - strlen(wrong), " %s,", calls[i].text);
    EXPECT(wrong[0] == '\0', "these were broken off:%s", wrong);
    wake_all();
    for (size_t i = 0; i < COUNT(calls); ++i) {
        pthread_join(threads[i], NULL);
        EXPECT(woken[i], "%s was broken off", calls[i].text);
    }
    pass();
}
