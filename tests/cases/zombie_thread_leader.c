// SPDX-License-Identifier: Apache-2.0
// The first thread has left, and another one runs on.
#include "case.h"

static pthread_t first;

static void* go_on(void* unused) {
    pthread_join(first, NULL);
    ready();
    await_go();
    pass();
    return unused;
}

int main(void) {
    pthread_t thread;
    first = pthread_self();
    SET_UP(pthread_create(&thread, NULL, go_on, NULL) == 0);
    pthread_exit(NULL);
}
