// SPDX-License-Identifier: Apache-2.0
// A UDP socket, and a TCP socket that listens, bound to one address of the host.
#include <arpa/inet.h>

#include "case.h"

int main(void) {
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(39884)};
    inet_aton("10.77.66.55", &name.sin_addr);
    const int udp = socket(AF_INET, SOCK_DGRAM, 0);
    SET_UP(bind(udp, (void*)&name, sizeof name) == 0);
    const int tcp = socket(AF_INET, SOCK_STREAM, 0);
    SET_UP(bind(tcp, (void*)&name, sizeof name) == 0);
    SET_UP(listen(tcp, 3) == 0);
    ready();
    await_go();
    struct sockaddr_in now;
    socklen_t size = sizeof now;
    EXPECT(getsockname(udp, (void*)&now, &size) == 0 && now.sin_addr.s_addr == name.sin_addr.s_addr, "another address");
    pass();
}
