// SPDX-License-Identifier: Apache-2.0
// The reading end of a pipe is on its way through a socket of the tree.
#include <sys/socket.h>

#include "case.h"

union Control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
};

static void send_descriptor(int socket, int descriptor) {
    union Control control = {
        .header = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))}};
    struct iovec byte = {.iov_base = "f", .iov_len = 1};
    const struct msghdr message = {
        .msg_iov = &byte, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    memcpy(CMSG_DATA(&control.header), &descriptor, sizeof descriptor);
    SET_UP(sendmsg(socket, &message, 0) == 1);
}

static int receive_descriptor(int socket) {
    union Control control;
    char taken = 0;
    int descriptor = -1;
    struct iovec byte = {.iov_base = &taken, .iov_len = 1};
    struct msghdr message = {
        .msg_iov = &byte, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    EXPECT(recvmsg(socket, &message, 0) == 1 && CMSG_FIRSTHDR(&message) != NULL, "there is no message");
    memcpy(&descriptor, CMSG_DATA(&control.header), sizeof descriptor);
    return descriptor;
}

int main(void) {
    int sockets[2];
    int ends[2];
    char byte = 0;
    SET_UP(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0 && pipe(ends) == 0 && write(ends[1], "z", 1) == 1);
    send_descriptor(sockets[0], ends[0]);
    close(ends[0]);
    ready();
    await_go();
    const int reading = receive_descriptor(sockets[1]);
    fcntl(reading, F_SETFL, O_NONBLOCK);
    EXPECT(read(reading, &byte, 1) == 1 && byte == 'z', "what was in the pipe is lost");
    EXPECT(write(ends[1], "y", 1) == 1, "nothing can be written");
    EXPECT(read(reading, &byte, 1) == 1 && byte == 'y', "the two ends are not one pipe any more");
    pass();
}
