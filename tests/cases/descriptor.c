// SPDX-License-Identifier: Apache-2.0
// Has a descriptor of the kernel open that CRIU does not know. Argument: its kind.
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <linux/userfaultfd.h>
#include <sys/timerfd.h>

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

static int open_alarm_clock(void) { return timerfd_create(CLOCK_BOOTTIME_ALARM, 0); }

static int open_fifo_place(void) { return mkfifo("fifo", 0600) == 0 ? open("fifo", O_PATH) : -1; }

static int open_socket_place(void) { return mknod("socket", S_IFSOCK | 0600, 0) == 0 ? open("socket", O_PATH) : -1; }

static int open_terminal_place(void) {
    const int master = posix_openpt(O_RDWR | O_NOCTTY);
    return master >= 0 && unlockpt(master) == 0 ? open(ptsname(master), O_PATH) : -1;
}

// A folder whose path is longer than the kernel tells.
static int open_long_path(void) {
    char name[201];
    int folder = -1;
    memset(name, 'd', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    for (int i = 0; i < 30; ++i)
        if (mkdir(name, 0700) != 0 || chdir(name) != 0)
            return -1;
    folder = open(".", O_RDONLY | O_DIRECTORY);
    return chdir("/") == 0 ? folder : -1;
}

static const struct {
    const char* kind;
    int (*open)(void);
} kinds[] = {
    {"perf-event", open_perf_event},         {"userfaultfd", open_userfaultfd}, {"landlock", open_landlock},
    {"file-system", open_file_system},       {"bpf-program", open_bpf_program}, {"secret-memory", open_secret_memory},
    {"alarm-clock", open_alarm_clock},       {"fifo-place", open_fifo_place},   {"socket-place", open_socket_place},
    {"terminal-place", open_terminal_place}, {"long-path", open_long_path},
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
