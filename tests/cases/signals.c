// SPDX-License-Identifier: Apache-2.0
// Queued signals with what they carry, a stopped child, a stack of its own for handlers.
#include "case.h"

static volatile int carried[4];
static volatile size_t count;
static volatile bool on_own_stack;
static unsigned char own_stack[64 << 10];

static void take(int signal, siginfo_t* info, void* context) {
    unsigned char here = 0;
    (void)signal;
    (void)context;
    if (count < COUNT(carried))
        carried[count] = info->si_value.sival_int;
    ++count;
    on_own_stack = &here >= own_stack && &here < own_stack + sizeof own_stack;
}

static char state_of(pid_t pid) {
    char path[64];
    char state = '?';
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE* const stat = fopen(path, "r");
    EXPECT(stat != NULL && fscanf(stat, "%*d %*[^)]) %c", &state) == 1, "the child is gone");
    fclose(stat);
    return state;
}

int main(void) {
    const struct sigaction action = {.sa_sigaction = take, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    const stack_t stack = {.ss_sp = own_stack, .ss_size = sizeof own_stack};
    const int signal = SIGRTMIN + 3;
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, signal);
    SET_UP(sigaltstack(&stack, NULL) == 0 && sigaction(signal, &action, NULL) == 0 &&
           sigprocmask(SIG_BLOCK, &one, NULL) == 0);
    for (int i = 0; i < 3; ++i)
        SET_UP(sigqueue(getpid(), signal, (union sigval){.sival_int = 100 + i}) == 0);
    const pid_t child = fork();
    if (child == 0) {
        await_go();
        _exit(0);
    }
    int status = 0;
    SET_UP(kill(child, SIGSTOP) == 0 && waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
    ready();
    await_go();
    EXPECT(state_of(child) == 'T', "the child is in state %c", state_of(child));
    EXPECT(count == 0, "a signal that was blocked came");
    sigprocmask(SIG_UNBLOCK, &one, NULL);
    EXPECT(count == 3 && carried[0] == 100 && carried[1] == 101 && carried[2] == 102, "%zu signals came: %d %d %d",
           count, carried[0], carried[1], carried[2]);
    EXPECT(on_own_stack, "the handler has another stack");
    kill(child, SIGCONT);
    expect_child_passes(child, "the stopped child");
    pass();
}
