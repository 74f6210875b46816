// SPDX-License-Identifier: Apache-2.0
// Has a port. Arguments: tcp or udp, 4 or 6, the port.
#include <netinet/in.h>
#include <sys/socket.h>

#include "case.h"

int main(int count, char** arguments) {
    SET_UP(count == 4);
    const bool is_tcp = strcmp(arguments[1], "tcp") == 0;
    const bool is_6 = strcmp(arguments[2], "6") == 0;
    const in_port_t port = htons((uint16_t)atoi(arguments[3]));
    const int fd = socket(is_6 ? AF_INET6 : AF_INET, is_tcp ? SOCK_STREAM : SOCK_DGRAM, 0);
    const struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = port};
    const struct sockaddr_in6 name6 = {.sin6_family = AF_INET6, .sin6_port = port};
    SET_UP(fd >= 0);
    SET_UP((is_6 ? bind(fd, (const void*)&name6, sizeof name6) : bind(fd, (const void*)&name, sizeof name)) == 0);
    SET_UP(!is_tcp || listen(fd, 8) == 0);
    ready();
    await_go();
    int answer = -1;
    socklen_t size = sizeof answer;
    EXPECT(getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &answer, &size) == 0 && answer == is_tcp, "it does not listen");
    pass();
}
