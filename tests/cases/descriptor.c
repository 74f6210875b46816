// SPDX-License-Identifier: Apache-2.0
// Has a descriptor of the kernel open that CRIU does not know. Argument: its kind.
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <linux/userfaultfd.h>

#include "case.h"

static int open_perf_event(void) {
    struct perf_event_attr event = {
        .type = PERF_TYPE_SOFTWARE, .size = sizeof event, .config = PERF_COUNT_SW_CPU_CLOCK};
    return (int)syscall(SYS_perf_event_open, &event, 0, -1, -1, 0UL);
}

static int open_userfaultfd(void) { return (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY); }

// It lets nothing be done but what it names: nothing is enforced by having it.
static int open_landlock(void) {
    const uint64_t handled[1] = {1};
    return (int)syscall(444, handled, sizeof handled, 0);
}

static int open_file_system(void) { return (int)syscall(SYS_fsopen, "tmpfs", 0); }

static int open_bpf_program(void) {
    // r0 = 0; exit
    static const struct bpf_insn code[] = {{.code = 0xb7}, {.code = 0x95}};
    union bpf_attr program = {.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
                              .insn_cnt = 2,
                              .insns = (uintptr_t)code,
                              .license = (uintptr_t) "GPL"};
    return (int)syscall(SYS_bpf, BPF_PROG_LOAD, &program, sizeof program);
}

static int open_secret_memory(void) { return (int)syscall(447, 0); }

static const struct {
    const char* kind;
    int (*open)(void);
} kinds[] = {
    {"perf-event", open_perf_event},   {"userfaultfd", open_userfaultfd}, {"landlock", open_landlock},
    {"file-system", open_file_system}, {"bpf-program", open_bpf_program}, {"secret-memory", open_secret_memory},
};

int main(int count, char** arguments) {
    int descriptor = -1;
    SET_UP(count == 2);
    for (size_t i = 0; i < COUNT(kinds); ++i)
        if (strcmp(kinds[i].kind, arguments[1]) == 0)
            descriptor = kinds[i].open();
    if (descriptor < 0)
        UNFIT("no %s here", arguments[1]);
    ready();
    await_go();
    EXPECT(fcntl(descriptor, F_GETFD) >= 0, "the descriptor is gone");
    pass();
}
