// SPDX-License-Identifier: Apache-2.0
// What CRIU starts as its action script (see action_script.hpp), at each stage of a dump or a restore, what answers in
// its place where CRIU tells of its stages through a socket (stage_answers.hpp), and what stands between cedana and the
// CRIU of a restore (guard_words.hpp). A program of its own without any library, not even C's, which cedana carries
// along: the tree stands still while it starts. Loading cedana's libraries alone takes 3 ms; what glibc finds out of
// the processor before main() takes a third of a millisecond where the machine is a virtual one (each cpuid leaves the
// guest).
#include "cedana/criu/action_words.hpp"
#include "cedana/criu/guard_words.hpp"

#include <cerrno>
#include <cstddef>

#include <asm/unistd.h>
#include <linux/time_types.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "bare.hpp"
#include "guarding.hpp"

// Where the kernel starts a program: the stack has the number of arguments, these, and the environment.
#if defined(__x86_64__)
asm(".globl _start\n_start:\n xorl %ebp, %ebp\n movq %rsp, %rdi\n andq $-16, %rsp\n call start_action\n hlt\n");
#elif defined(__aarch64__)
asm(".globl _start\n_start:\n mov x29, #0\n mov x30, #0\n mov x0, sp\n bl start_action\n brk #0\n");
#else
#error "the action script is not written for this machine"
#endif

namespace {

using namespace cedana::criu::bare;

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

// Asks at the one stage of a dump (or two, if it was told so) and the two of a restore, or at every one, and lets the
// others go on.
bool may_go_on(const char* const* environment, const char* stage) {
    using namespace cedana::criu;
    if (!is_one_that_asks(environment, stage))
        return true;
    const long connection = connected_to(value_of(environment, k_action_socket));
    if (connection < 0)
        return false;
    const char* const root = value_of(environment, "CRTOOLS_INIT_PID");
    const bool may = ask(connection, stage, root == nullptr ? "0" : root) && wait_for_answer(connection) == k_go_on;
    call(__NR_close, connection);
    return may;
}

// The exit code. CRIU does not heed it at pre-resume (criu/cr-restore.c, restore_root_task()), but waits for it.
int run(const char* const* environment) {
    const char* const stage = value_of(environment, "CRTOOLS_SCRIPT_ACTION");
    return stage == nullptr || may_go_on(environment, stage) ? 0 : 1;
}

struct Piece {
    const char* at;
    const char* end;
};

// As protobuf writes numbers. false: it does not end here.
bool take_number(Piece& from, unsigned long& number) {
    number = 0;
    for (unsigned shift = 0; from.at != from.end && shift < 64; shift += 7) {
        const auto byte = static_cast<unsigned char>(*from.at++);
        number |= static_cast<unsigned long>(byte & 0x7F) << shift;
        if ((byte & 0x80) == 0)
            return true;
    }
    return false;
}

// What the field `wanted`, one with a length, of the message `from` holds; nothing of it if it has none, or is no
// message of numbers and such fields, as CRIU's answers are (images/rpc.proto).
Piece field_of(Piece from, unsigned long wanted) {
    constexpr unsigned long k_number = 0;
    constexpr unsigned long k_with_length = 2;
    const Piece none{.at = nullptr, .end = nullptr};
    unsigned long key = 0;
    unsigned long value = 0;
    while (take_number(from, key)) {
        const unsigned long kind = key & 7;
        if ((kind != k_number && kind != k_with_length) || !take_number(from, value))
            return none;
        if (kind == k_number)
            continue;
        if (value > static_cast<unsigned long>(from.end - from.at))
            return none;
        const Piece content{.at = from.at, .end = from.at + value};
        if (key >> 3 == wanted)
            return content;
        from.at = content.end;
    }
    return none;
}

// The name of the stage that CRIU tells of; false for its last word, at its end.
bool take_stage(Piece message, char* stage, std::size_t room) {
    constexpr unsigned long k_notify = 5;
    constexpr unsigned long k_script = 1;
    const Piece name = field_of(field_of(message, k_notify), k_script);
    if (name.at == name.end || static_cast<std::size_t>(name.end - name.at) >= room)
        return false;
    for (const char* c = name.at; c != name.end; ++c) {
        *stage++ = *c;
        asm volatile("" ::: "memory");
    }
    *stage = '\0';
    return true;
}

// Until CRIU has ended: what it starts itself may have its end of the socket for longer.
int answer_stages(const char* const* environment) {
    using namespace cedana::criu;
    // CRIU's last word may hold the first error of its log. What does not fit is cut off.
    static char message[4096];
    char stage[k_longest_question];
    // {type: NOTIFY, notify_success: 1 or 0}
    char answer[] = {0x08, 0x06, 0x18, 1};
    while (true) {
        const long length = call(__NR_recvfrom, k_stages_of_criu, address_of(message), sizeof message);
        if (length == -EINTR)
            continue;
        if (length <= 0 || !take_stage({.at = message, .end = message + length}, stage, sizeof stage))
            return 0;
        answer[3] = may_go_on(environment, stage) ? 1 : 0;
        call(__NR_sendto, k_stages_of_criu, address_of(answer), sizeof answer, MSG_NOSIGNAL);
    }
}

} // namespace

extern "C" [[noreturn, gnu::used]] void start_action(const long* stack) {
    using namespace cedana::criu;
    constexpr long k_words_before_criu = 5;
    const auto* const arguments = reinterpret_cast<const char* const*>(stack + 1);
    const char* const* const environment = arguments + *stack + 1;
    const char* const task = *stack > 1 ? arguments[1] : "";
    int code = 0;
    if (are_same(task, k_answering))
        code = answer_stages(environment);
    else if (are_same(task, k_guarding))
        code = *stack > k_words_before_criu ? guard_criu(arguments + 2, environment) : 1;
    else
        code = run(environment);
    while (true)
        call(__NR_exit_group, code);
}
