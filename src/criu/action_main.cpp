// SPDX-License-Identifier: Apache-2.0
// What CRIU starts as its action script (see action_script.hpp), at each stage of a dump or a restore. A program
// of its own without any library, not even C's, which cedana carries along: the tree stands still while it starts.
// Loading cedana's libraries alone takes 3 ms; what glibc finds out of the processor before main() takes a third of a
// millisecond where the machine is a virtual one (each cpuid leaves the guest).
#include "cedana/criu/action_words.hpp"

#include <cerrno>
#include <cstddef>

#include <asm/unistd.h>
#include <linux/time_types.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

// Where the kernel starts a program: the stack has the number of arguments, these, and the environment.
#if defined(__x86_64__)
asm(".globl _start\n_start:\n xorl %ebp, %ebp\n movq %rsp, %rdi\n andq $-16, %rsp\n call start_action\n hlt\n");
#elif defined(__aarch64__)
asm(".globl _start\n_start:\n mov x29, #0\n mov x30, #0\n mov x0, sp\n bl start_action\n brk #0\n");
#else
#error "the action script is not written for this machine"
#endif

namespace {

// As the kernel answers: a negative error number on failure. syscall(2) has the registers.
long call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0) {
#if defined(__x86_64__)
    register long r10 asm("r10") = d;
    register long r8 asm("r8") = e;
    register long r9 asm("r9") = f;
    long result = number;
    asm volatile("syscall"
                 : "+a"(result)
                 : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                 : "rcx", "r11", "memory");
    return result;
#else
    register long x8 asm("x8") = number;
    register long x0 asm("x0") = a;
    register long x1 asm("x1") = b;
    register long x2 asm("x2") = c;
    register long x3 asm("x3") = d;
    register long x4 asm("x4") = e;
    register long x5 asm("x5") = f;
    asm volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return x0;
#endif
}

long address_of(const void* object) { return reinterpret_cast<long>(object); }

std::size_t length_of(const char* text) {
    std::size_t length = 0;
    while (text[length] != '\0')
        ++length;
    return length;
}

// What follows `start` in `text`; null if it does not start so.
const char* after(const char* text, const char* start) {
    for (; *start != '\0'; ++text, ++start)
        if (*text != *start)
            return nullptr;
    return text;
}

bool are_same(const char* one, const char* other) {
    const char* const rest = after(one, other);
    return rest != nullptr && *rest == '\0';
}

// Of `environment`, which ends with a null; null for one that is not set.
const char* value_of(const char* const* environment, const char* name) {
    for (; *environment != nullptr; ++environment)
        if (const char* const rest = after(*environment, name); rest != nullptr && *rest == '=')
            return rest + 1;
    return nullptr;
}

// A byte at a time: for more the compiler would call the C library.
char* put(char* to, const char* text) {
    for (; *text != '\0'; ++text) {
        *to++ = *text;
        asm volatile("" ::: "memory");
    }
    return to;
}

bool is_one_that_asks(const char* const* environment, const char* stage) {
    using namespace cedana::criu;
    return value_of(environment, k_every_stage) != nullptr ||
           (value_of(environment, k_before_freeze) != nullptr && are_same(stage, k_stage_pre_dump)) ||
           are_same(stage, k_stage_post_dump) || are_same(stage, k_stage_post_restore) ||
           are_same(stage, k_stage_pre_resume);
}

bool ask(long connection, const char* stage, const char* root) {
    using namespace cedana::criu;
    char question[k_longest_question];
    const std::size_t length = length_of(stage) + length_of(root) + 2;
    if (length > sizeof question)
        return false;
    char* end = put(question, stage);
    *end++ = k_before_pid;
    end = put(end, root);
    *end = k_end_of_question;
    return call(__NR_sendto, connection, address_of(question), static_cast<long>(length), MSG_NOSIGNAL) ==
           static_cast<long>(length);
}

// 0 for none.
char wait_for_answer(long connection) {
    using namespace cedana::criu;
    char answer = k_wait;
    while (answer == k_wait) {
        pollfd entry{.fd = static_cast<int>(connection), .events = POLLIN, .revents = 0};
        const __kernel_timespec silence{.tv_sec = k_silence_milliseconds / 1000, .tv_nsec = 0};
        const long ready = call(__NR_ppoll, address_of(&entry), 1, address_of(&silence));
        if (ready == -EINTR)
            continue;
        if (ready <= 0)
            return 0;
        const long count = call(__NR_read, connection, address_of(&answer), 1);
        if (count == -EINTR)
            answer = k_wait;
        else if (count != 1)
            return 0;
    }
    return answer;
}

// Invalid if it is negative.
long connected_to(const char* path) {
    sockaddr_un address;
    address.sun_family = AF_UNIX;
    if (path == nullptr || length_of(path) >= sizeof address.sun_path)
        return -1;
    *put(address.sun_path, path) = '\0';
    const auto length = static_cast<long>(offsetof(sockaddr_un, sun_path) + length_of(path) + 1);
    const long connection = call(__NR_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return connection >= 0 && call(__NR_connect, connection, address_of(&address), length) == 0 ? connection : -1;
}

// The exit code: asks at the one stage of a dump (or two, if it was told so) and the two of a restore, or at every one,
// and lets the others go on.
// CRIU does not heed it at pre-resume (criu/cr-restore.c, restore_root_task()), but waits for it.
int run(const char* const* environment) {
    using namespace cedana::criu;
    const char* const stage = value_of(environment, "CRTOOLS_SCRIPT_ACTION");
    if (stage == nullptr || !is_one_that_asks(environment, stage))
        return 0;
    const long connection = connected_to(value_of(environment, k_action_socket));
    if (connection < 0)
        return 1;
    const char* const root = value_of(environment, "CRTOOLS_INIT_PID");
    return ask(connection, stage, root == nullptr ? "0" : root) && wait_for_answer(connection) == k_go_on ? 0 : 1;
}

} // namespace

extern "C" [[noreturn, gnu::used]] void start_action(const long* stack) {
    const auto* const arguments = reinterpret_cast<const char* const*>(stack + 1);
    const int code = run(arguments + *stack + 1);
    while (true)
        call(__NR_exit_group, code);
}
