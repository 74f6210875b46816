// SPDX-License-Identifier: Apache-2.0
// A POSIX message queue with two messages.
#include <mqueue.h>

#include "case.h"

int main(void) {
    const char* const name = "/cedana-case";
    struct mq_attr attributes = {.mq_maxmsg = 10, .mq_msgsize = 64};
    char message[64];
    mq_unlink(name);
    const mqd_t queue = mq_open(name, O_RDWR | O_CREAT, 0600, &attributes);
    SET_UP(queue >= 0);
    mq_unlink(name);
    SET_UP(mq_send(queue, "one", 4, 1) == 0 && mq_send(queue, "two", 4, 2) == 0);
    ready();
    await_go();
    EXPECT(mq_receive(queue, message, sizeof message, NULL) == 4 && strcmp(message, "two") == 0, "no first message");
    EXPECT(mq_receive(queue, message, sizeof message, NULL) == 4 && strcmp(message, "one") == 0, "no second message");
    pass();
}
