// SPDX-License-Identifier: Apache-2.0
// Files that are on their way through a unix socket and open nowhere: deleted, larger than CRIU takes by itself; with
// another name; and as they are.
#include <sys/socket.h>

#include "case.h"
#include "send_away.h"

static int ends[2];

static int receive(void) {
    char byte = 0;
    struct iovec part = {&byte, 1};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.bytes = {0}};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    int fd = -1;
    EXPECT(recvmsg(ends[1], &message, MSG_DONTWAIT) == 1 && message.msg_controllen >= CMSG_LEN(sizeof fd),
           "a message is gone");
    memcpy(&fd, CMSG_DATA(&control.header), sizeof fd);
    return fd;
}

static int with_words(const char* name, const char* words) {
    const int file = new_file(name);
    SET_UP(write(file, words, strlen(words)) == (ssize_t)strlen(words));
    return file;
}

static void expect_words(const char* words) {
    char bytes[16] = "";
    const int file = receive();
    EXPECT(pread(file, bytes, strlen(words), 0) == (ssize_t)strlen(words) && strcmp(bytes, words) == 0, "%s: %s", words,
           bytes);
    close(file);
}

int main(void) {
    SET_UP(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0);
    const int deleted = with_words("deleted", "deleted");
    SET_UP(posix_fallocate(deleted, 4096, 3 * (off_t)MIB) == 0 && unlink("deleted") == 0);
    const int linked = with_words("before", "linked");
    SET_UP(link("before", "after") == 0 && unlink("before") == 0);
    const int plain = with_words("plain", "plain");
    send_away(ends[0], deleted);
    send_away(ends[0], linked);
    send_away(ends[0], plain);
    ready();
    await_go();
    expect_words("deleted");
    expect_words("linked");
    expect_words("plain");
    // A restore of a dump that left it running brings back what was there then.
    SET_UP(truncate("plain", 1) == 0);
    pass();
}
