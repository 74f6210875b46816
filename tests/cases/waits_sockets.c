// SPDX-License-Identifier: Apache-2.0
// A thread in each of the calls that a time limit of the socket has end with EINTR when they are woken, and of those
// that move what comes: none is to end.
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "case.h"

static const struct timeval limit = {600, 0};
static char bytes[16];
static struct iovec part = {bytes, sizeof bytes};

static int new_udp(void) {
    const struct sockaddr_in any = {.sin_family = AF_INET};
    const int udp = socket(AF_INET, SOCK_DGRAM, 0);
    SET_UP(udp >= 0 && bind(udp, (const void*)&any, sizeof any) == 0);
    SET_UP(setsockopt(udp, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
    return udp;
}

// Of a pair whose other end nobody reads.
static int new_end(int type) {
    int ends[2];
    SET_UP(socketpair(AF_UNIX, type, 0, ends) == 0);
    SET_UP(setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
    SET_UP(setsockopt(ends[0], SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0);
    return ends[0];
}

static int fill_up(int type) {
    const int end = new_end(type);
    while (send(end, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
        continue;
    return end;
}

static long wait_recvmmsg(void) {
    struct mmsghdr message = {.msg_hdr = {.msg_iov = &part, .msg_iovlen = 1}};
    return recvmmsg(new_udp(), &message, 1, 0, NULL);
}

static long wait_sendmmsg(void) {
    struct mmsghdr message = {.msg_hdr = {.msg_iov = &part, .msg_iovlen = 1}};
    return sendmmsg(fill_up(SOCK_DGRAM), &message, 1, 0);
}

static long wait_preadv2(void) { return preadv2(new_end(SOCK_STREAM), &part, 1, -1, 0); }

static long wait_splice(void) {
    int pipe_ends[2];
    SET_UP(pipe(pipe_ends) == 0);
    return splice(new_end(SOCK_STREAM), NULL, pipe_ends[1], NULL, 1, 0);
}

static long wait_recv(void) { return recv(new_udp(), bytes, sizeof bytes, 0); }

static const struct {
    const char* text;
    long (*wait)(void);
} calls[] = {
    {"recvmmsg", wait_recvmmsg}, {"sendmmsg", wait_sendmmsg}, {"preadv2", wait_preadv2},
    {"splice", wait_splice},     {"recv", wait_recv},
};

static volatile pid_t tids[COUNT(calls)];
static volatile bool over[COUNT(calls)];

static void* wait_in_one(void* number) {
    const size_t i = (size_t)number;
    tids[i] = own_tid();
    const long result = calls[i].wait();
    const int error = errno;
    over[i] = true;
    printf("note: %s: %ld, %s\n", calls[i].text, result, strerror(error));
    return NULL;
}

int main(void) {
    pthread_t thread;
    for (size_t i = 0; i < COUNT(calls); ++i) {
        SET_UP(pthread_create(&thread, NULL, wait_in_one, (void*)i) == 0);
        while (tids[i] == 0)
            sched_yield();
        await_asleep(getpid(), tids[i]);
    }
    ready();
    await_go();
    for (size_t i = 0; i < COUNT(calls); ++i) {
        // What was broken off ends at once.
        if (!over[i])
            await_asleep(getpid(), tids[i]);
        LOOK(!over[i], "%s was broken off", calls[i].text);
    }
    pass_if_right();
}
