// SPDX-License-Identifier: Apache-2.0
// Preloaded into CRIU by tests: SIGKILL after its N-th call of ptrace(2), N being KILL_AT_PTRACE in its environment.
// The number of calls so far is kept in the file PTRACE_COUNT.
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

namespace {

long kill_at = 0;
int count_file = -1;

// Before main(): CRIU overwrites its environment with its title.
__attribute__((constructor)) void read_environment() {
    if (const char* text = std::getenv("KILL_AT_PTRACE"))
        kill_at = std::atol(text);
    if (const char* path = std::getenv("PTRACE_COUNT"))
        count_file = ::open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
}

void note(long calls) {
    char text[24];
    const int length = std::snprintf(text, sizeof text, "%ld", calls);
    if (count_file >= 0 && ::pwrite(count_file, text, static_cast<size_t>(length), 0) != length)
        std::abort();
}

} // namespace

extern "C" __attribute__((visibility("default"))) long ptrace(int request, ...) {
    static long calls = 0;
    va_list arguments;
    va_start(arguments, request);
    const pid_t pid = va_arg(arguments, pid_t);
    void* const address = va_arg(arguments, void*);
    void* data = va_arg(arguments, void*);
    va_end(arguments);
    // PTRACE_PEEKTEXT, PEEKDATA and PEEKUSR: the kernel stores the word, and glibc returns it (ptrace(2)).
    const bool peeks = request >= 1 && request <= 3;
    long word = 0;
    if (peeks)
        data = &word;
    const long result = ::syscall(SYS_ptrace, request, pid, address, data);
    const int err = errno;
    if (count_file >= 0)
        note(++calls);
    if (calls == kill_at && kill_at != 0)
        ::kill(::getpid(), SIGKILL);
    errno = err;
    return peeks && result == 0 ? word : result;
}
