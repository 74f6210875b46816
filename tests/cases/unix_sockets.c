// SPDX-License-Identifier: Apache-2.0
// Unix sockets of all kinds: with messages under way, with an option, one whose name was removed.
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "case.h"

static int stream[2];
static int datagrams[2];
static int packets[2];
static int removed;
static int relative;

static struct sockaddr_un name_of(const char* text) {
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    strcpy(name.sun_path, text);
    return name;
}

static int bound(int type, const char* path) {
    const struct sockaddr_un name = name_of(path);
    const int fd = socket(AF_UNIX, type, 0);
    SET_UP(fd >= 0 && bind(fd, (const void*)&name, sizeof name) == 0);
    return fd;
}

static void set_up(void) {
    SET_UP(socketpair(AF_UNIX, SOCK_STREAM, 0, stream) == 0 && socketpair(AF_UNIX, SOCK_DGRAM, 0, datagrams) == 0);
    SET_UP(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, packets) == 0);
    SET_UP(setsockopt(stream[1], SOL_SOCKET, SO_PASSCRED, &(int){1}, sizeof(int)) == 0);
    SET_UP(write(datagrams[0], "1", 1) == 1 && write(datagrams[0], "22", 2) == 2);
    SET_UP(write(packets[0], "333", 3) == 3 && write(packets[0], "4444", 4) == 4);
    SET_UP(shutdown(packets[0], SHUT_WR) == 0);
    removed = bound(SOCK_DGRAM, "removed.sock");
    SET_UP(unlink("removed.sock") == 0);
    relative = bound(SOCK_STREAM, "relative.sock");
    SET_UP(listen(relative, 7) == 0);
}

static void look(void) {
    char bytes[64];
    int value = 0;
    socklen_t size = sizeof value;
    struct sockaddr_un name = {0};
    socklen_t length = sizeof name;
    LOOK(getsockopt(stream[1], SOL_SOCKET, SO_PASSCRED, &value, &size) == 0 && value == 1, "SO_PASSCRED");
    LOOK(write(stream[0], "one", 3) == 3 && read(stream[1], bytes, sizeof bytes) == 3, "the stream");
    LOOK(read(datagrams[1], bytes, sizeof bytes) == 1 && read(datagrams[1], bytes, sizeof bytes) == 2, "the datagrams");
    LOOK(read(packets[1], bytes, sizeof bytes) == 3 && read(packets[1], bytes, sizeof bytes) == 4, "the packets");
    LOOK(read(packets[1], bytes, sizeof bytes) == 0, "the end of the packets");
    LOOK(getsockname(removed, (void*)&name, &length) == 0 && strcmp(name.sun_path, "removed.sock") == 0,
         "the removed socket is %s", name.sun_path);
    LOOK(access("removed.sock", F_OK) != 0, "the removed name is there again");
    const int client = socket(AF_UNIX, SOCK_STREAM, 0);
    const struct sockaddr_un to = name_of("relative.sock");
    LOOK(connect(client, (const void*)&to, sizeof to) == 0 && accept(relative, NULL, NULL) >= 0, "the relative name");
}

int main(void) {
    set_up();
    ready();
    await_go();
    look();
    pass_if_right();
}
