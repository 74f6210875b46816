// SPDX-License-Identifier: Apache-2.0
#include "guarding.hpp"

#include "cedana/criu/guard_words.hpp"

#include <cerrno>
#include <csignal>

#include <asm/unistd.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "bare.hpp"

namespace cedana::criu {

namespace {

using namespace bare;

// As the kernel has a set of signals: a bit each, the first one for signal 1.
using Signals = unsigned long;
constexpr Signals k_all_signals = ~0UL;

constexpr Signals only(int number) { return 1UL << (number - 1); }

void block(Signals signals) { call(__NR_rt_sigprocmask, SIG_SETMASK, address_of(&signals), 0, sizeof signals); }

struct Guarded {
    const char* log;
    long held;
    bool continues;
    const char* const* criu;
};

// Of decimal digits; -1 for anything else.
long number_of(const char* text) {
    long number = 0;
    for (; *text >= '0' && *text <= '9'; ++text)
        number = number * 10 + (*text - '0');
    return *text == '\0' ? number : -1;
}

void say(const char* text) { call(__NR_write, 2, address_of(text), static_cast<long>(length_of(text))); }

[[noreturn]] void become_criu(const Guarded& guarded, const char* const* environment) {
    block(0);
    call(__NR_execve, address_of(guarded.criu[0]), address_of(guarded.criu), address_of(environment));
    say("Error: cannot execute ");
    say(guarded.criu[0]);
    say("\n");
    while (true)
        call(__NR_exit_group, 1);
}

// Whoever reads from the tree must see its end.
void keep_only(long held) {
    const long null = call(__NR_openat, AT_FDCWD, address_of("/dev/null"), O_RDWR);
    call(__NR_dup3, null, 0, 0);
    call(__NR_dup3, null, 1, 0);
    if (held > 3)
        call(__NR_close_range, 3, held - 1, 0);
    call(__NR_close_range, held < 3 ? 3 : held + 1, ~0U, 0);
    call(__NR_chdir, address_of("/"));
}

// How CRIU ended, as wait4(2) tells it. What its terminal's keys and others send has no effect on this process: no
// signal is let in, and three are taken.
int wait_for_criu(long criu, bool continues) {
    const Signals taken = only(SIGCHLD) | only(SIGTERM) | (continues ? only(SIGTSTP) : 0);
    while (true) {
        int status = 0;
        if (call(__NR_wait4, criu, address_of(&status), WNOHANG) == criu)
            return status;
        const long number = call(__NR_rt_sigtimedwait, address_of(&taken), 0, 0, sizeof taken);
        if (number == SIGTERM)
            call(__NR_kill, criu, SIGKILL);
        // The key has stopped all of the group, what CRIU has begun too.
        else if (number == SIGTSTP)
            call(__NR_kill, 0, SIGCONT);
    }
}

bool has_restored(const char* log) {
    static char end[k_end_of_log];
    const long file = call(__NR_openat, AT_FDCWD, address_of(log), O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    const long size = call(__NR_lseek, file, 0, SEEK_END);
    const long start = size > k_end_of_log ? size - k_end_of_log : 0;
    long count = 0;
    while (count < k_end_of_log) {
        const long more = call(__NR_pread64, file, address_of(end + count), k_end_of_log - count, start + count);
        if (more <= 0)
            break;
        count += more;
    }
    call(__NR_close, file);
    const long length = static_cast<long>(length_of(k_restored));
    for (long at = 0; at + length <= count; ++at) {
        long same = 0;
        while (same < length && end[at + same] == k_restored[same])
            ++same;
        if (same == length)
            return true;
    }
    return false;
}

// This process has one thread. A child keeps its pid until it is reaped here.
bool kill_listed_children(bool& any) {
    static char list[4096];
    const long file = call(__NR_openat, AT_FDCWD, address_of("/proc/thread-self/children"), O_RDONLY | O_CLOEXEC);
    const long count = file < 0 ? file : call(__NR_read, file, address_of(list), sizeof list);
    call(__NR_close, file);
    any = false;
    long pid = 0;
    // Each number is followed by a space (fs/proc/array.c, children_seq_show()).
    for (long at = 0; at < count; ++at) {
        if (list[at] != ' ') {
            pid = pid * 10 + (list[at] - '0');
            continue;
        }
        call(__NR_kill, pid, SIGKILL);
        while (call(__NR_wait4, pid, 0, 0) == -EINTR)
            continue;
        any = true;
        pid = 0;
    }
    return count >= 0;
}

// Theirs are handed over to this process, and end too.
bool end_children() {
    for (bool any = true; any;)
        if (!kill_listed_children(any))
            return false;
    return true;
}

// As a shell tells it.
int shell_code(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

} // namespace

int guard_criu(const char* const* arguments, const char* const* environment) {
    const Guarded guarded{.log = arguments[0],
                          .held = number_of(arguments[1]),
                          .continues = are_same(arguments[2], k_continues),
                          .criu = arguments + 3};
    block(k_all_signals);
    call(__NR_prctl, PR_SET_NAME, address_of(k_name_of_guard));
    if (call(__NR_prctl, PR_SET_CHILD_SUBREAPER, 1) != 0)
        return 1;
    if (guarded.held >= 0)
        call(__NR_fcntl, guarded.held, F_SETFD, FD_CLOEXEC);
    const long criu = call(__NR_clone, SIGCHLD);
    if (criu == 0)
        become_criu(guarded, environment);
    if (criu < 0) {
        say("Error: cannot start criu\n");
        return 1;
    }
    keep_only(guarded.held);
    const int status = wait_for_criu(criu, guarded.continues);
    const bool is_done = shell_code(status) == 0 || has_restored(guarded.log);
    return is_done || end_children() ? shell_code(status) : 1;
}

} // namespace cedana::criu
