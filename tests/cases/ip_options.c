// SPDX-License-Identifier: Apache-2.0
// Options of sockets that CRIU leaves out.
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "case.h"

struct Option {
    int socket, level, name, value;
    const char* text;
};

#define OPTION(socket, level, name, value)                                                                             \
    { socket, level, name, value, #name }

enum { UDP, TCP, UDP6, SOCKETS };

static const struct Option options[] = {
    OPTION(UDP, IPPROTO_IP, IP_TTL, 33),
    OPTION(UDP, IPPROTO_IP, IP_TOS, 0x10),
    OPTION(UDP, IPPROTO_IP, IP_RECVERR, 1),
    OPTION(UDP, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO),
    OPTION(UDP, IPPROTO_IP, IP_RECVTTL, 1),
    OPTION(UDP, IPPROTO_IP, IP_RECVTOS, 1),
    OPTION(UDP, IPPROTO_IP, IP_PKTINFO, 1),
    OPTION(UDP, IPPROTO_IP, IP_MULTICAST_LOOP, 0),
    OPTION(UDP, SOL_SOCKET, SO_BROADCAST, 1),
    OPTION(UDP, SOL_SOCKET, SO_TIMESTAMP, 1),
    OPTION(UDP, SOL_SOCKET, SO_RXQ_OVFL, 1),
    OPTION(TCP, IPPROTO_TCP, TCP_NODELAY, 1),
    OPTION(TCP, IPPROTO_TCP, TCP_KEEPIDLE, 77),
    OPTION(TCP, IPPROTO_TCP, TCP_USER_TIMEOUT, 5000),
    OPTION(TCP, IPPROTO_TCP, TCP_QUICKACK, 0),
    OPTION(TCP, IPPROTO_TCP, TCP_FASTOPEN, 5),
    OPTION(TCP, IPPROTO_TCP, TCP_DEFER_ACCEPT, 3),
    OPTION(TCP, SOL_SOCKET, SO_KEEPALIVE, 1),
    OPTION(UDP6, IPPROTO_IPV6, IPV6_V6ONLY, 1),
    OPTION(UDP6, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 9),
    OPTION(UDP6, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1),
    OPTION(UDP6, IPPROTO_IPV6, IPV6_TCLASS, 8),
};

static int sockets[SOCKETS];

static int value_of(const struct Option* option) {
    int value = -1;
    socklen_t size = sizeof value;
    getsockopt(sockets[option->socket], option->level, option->name, &value, &size);
    return value;
}

static void bind_all(void) {
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(39872)};
    struct sockaddr_in6 name6 = {.sin6_family = AF_INET6, .sin6_port = htons(39873)};
    SET_UP(bind(sockets[UDP], (void*)&name, sizeof name) == 0);
    SET_UP(bind(sockets[TCP], (void*)&name, sizeof name) == 0);
    SET_UP(bind(sockets[UDP6], (void*)&name6, sizeof name6) == 0);
    SET_UP(listen(sockets[TCP], 5) == 0);
}

int main(void) {
    int before[COUNT(options)];
    sockets[UDP] = socket(AF_INET, SOCK_DGRAM, 0);
    sockets[TCP] = socket(AF_INET, SOCK_STREAM, 0);
    sockets[UDP6] = socket(AF_INET6, SOCK_DGRAM, 0);
    for (size_t i = 0; i < COUNT(options); ++i)
        SET_UP(setsockopt(sockets[options[i].socket], options[i].level, options[i].name, &options[i].value,
                          sizeof(int)) == 0);
    bind_all();
    for (size_t i = 0; i < COUNT(options); ++i)
        before[i] = value_of(&options[i]);
    ready();
    await_go();
    for (size_t i = 0; i < COUNT(options); ++i)
        EXPECT(value_of(&options[i]) == before[i], "%s is %d, and was %d", options[i].text, value_of(&options[i]),
               before[i]);
    pass();
}
