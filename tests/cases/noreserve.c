// SPDX-License-Identifier: Apache-2.0
// Memory that is reserved without a promise (MAP_NORESERVE) beside some that may not be touched at all, and a thread
// whose stack has a guard below it.
#include "case.h"

static unsigned char* stack;
static pthread_barrier_t step;

static void* stand_on_stack(void* unused) {
    unsigned char on_stack[64];
    memset(on_stack, 7, sizeof on_stack);
    pthread_barrier_wait(&step);
    pthread_barrier_wait(&step);
    for (size_t i = 0; i < sizeof on_stack; ++i)
        EXPECT(on_stack[i] == 7, "the thread's stack is another");
    return unused;
}

int main(void) {
    const size_t size = 64 * GIB;
    const size_t guard = 64 * KIB;
    pthread_t thread;
    pthread_attr_t attributes;
    unsigned char* const promised_nothing =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    unsigned char* const shared =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    unsigned char* const untouchable = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    SET_UP(promised_nothing != MAP_FAILED && shared != MAP_FAILED && untouchable != MAP_FAILED);
    fill(promised_nothing + size / 2, MIB);
    fill(shared + size / 2, MIB);
    pthread_barrier_init(&step, NULL, 2);
    pthread_attr_init(&attributes);
    SET_UP(pthread_attr_setguardsize(&attributes, guard) == 0);
    SET_UP(pthread_create(&thread, &attributes, stand_on_stack, NULL) == 0);
    pthread_attr_destroy(&attributes);
    size_t stack_size = 0;
    SET_UP(pthread_getattr_np(thread, &attributes) == 0);
    SET_UP(pthread_attr_getstack(&attributes, (void**)&stack, &stack_size) == 0);
    pthread_barrier_wait(&step);
    SET_UP(is_guarded(stack - 1) && is_guarded(stack - guard));
    ready();
    await_go();
    EXPECT(is_filled(promised_nothing + size / 2, MIB), "what was promised nothing is another");
    EXPECT(is_filled(shared + size / 2, MIB), "the shared memory is another");
    EXPECT(promised_nothing[size - 1] == 0, "there is something where nothing was");
    EXPECT(is_guarded(untouchable + size / 2), "what was not to be touched can be");
    EXPECT(is_guarded(stack - 1) && is_guarded(stack - guard), "the thread's stack has no guard");
    pthread_barrier_wait(&step);
    pthread_join(thread, NULL);
    pass();
}
