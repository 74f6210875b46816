// SPDX-License-Identifier: Apache-2.0
// Listens at a unix socket in its folder. Argument: path, or abstract for a name that begins with a null byte.
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "case.h"

int main(int count, char** arguments) {
    SET_UP(count == 3);
    const bool is_path = strcmp(arguments[1], "path") == 0;
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    char* const text = name.sun_path + (is_path ? 0 : 1);
    SET_UP(!is_path || getcwd(text, sizeof name.sun_path - 16) != NULL);
    strcat(text, arguments[2]);
    const socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (is_path ? 0 : 1) + strlen(text));
    const int server = socket(AF_UNIX, SOCK_STREAM, 0);
    SET_UP(server >= 0 && bind(server, (void*)&name, size) == 0 && listen(server, 4) == 0);
    ready();
    await_go();
    const int client = socket(AF_UNIX, SOCK_STREAM, 0);
    EXPECT(connect(client, (void*)&name, size) == 0, "nobody listens at its name");
    EXPECT(accept(server, NULL, NULL) >= 0, "nobody comes");
    pass();
}
