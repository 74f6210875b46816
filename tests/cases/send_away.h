// SPDX-License-Identifier: Apache-2.0
// A descriptor on its way through a unix socket (SCM_RIGHTS, unix(7)), and open no more.
#pragma once

#include <sys/socket.h>

#include "case.h"

static inline void send_away(int socket, int fd) {
    char byte = 'x';
    struct iovec part = {&byte, 1};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.bytes = {0}};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
    SET_UP(fd >= 0 && sendmsg(socket, &message, 0) == 1);
    close(fd);
}
