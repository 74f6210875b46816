// SPDX-License-Identifier: Apache-2.0
// Has not read a message with which it is to be told who sent it (SO_PASSCRED).
#include <sys/socket.h>

#include "case.h"

int main(void) {
    int ends[2];
    char bytes[8];
    char control[256];
    struct iovec place = {.iov_base = bytes, .iov_len = sizeof bytes};
    struct msghdr message = {
        .msg_iov = &place, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    SET_UP(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0);
    SET_UP(setsockopt(ends[1], SOL_SOCKET, SO_PASSCRED, &(int){1}, sizeof(int)) == 0 &&
           write(ends[0], "hello", 5) == 5);
    ready();
    await_go();
    EXPECT(recvmsg(ends[1], &message, 0) == 5, "there is no message");
    EXPECT(CMSG_FIRSTHDR(&message) != NULL && CMSG_FIRSTHDR(&message)->cmsg_type == SCM_CREDENTIALS, "nobody sent it");
    pass();
}
