// SPDX-License-Identifier: Apache-2.0
// Listens, and does not accept.
#include <netinet/in.h>
#include <sys/socket.h>

#include "case.h"

int main(void) {
    const int listening = socket(AF_INET, SOCK_STREAM, 0);
    const struct sockaddr_in name = {
        .sin_family = AF_INET, .sin_port = htons(39882), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    SET_UP(setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) == 0);
    SET_UP(bind(listening, (const void*)&name, sizeof name) == 0 && listen(listening, 8) == 0);
    ready();
    await_go();
    char bytes[8];
    const int connection = accept(listening, NULL, NULL);
    EXPECT(connection >= 0 && read(connection, bytes, sizeof bytes) > 0, "the connection is gone");
    pass();
}
