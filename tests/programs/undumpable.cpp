// SPDX-License-Identifier: Apache-2.0
// A target with something that CRIU cannot dump. Makes the file READY once it has it, and stays. READY holds "missing"
// if the kernel has no such thing. Usage: undumpable KIND READY
#include <array>
#include <csignal>
#include <cstdio>
#include <functional>
#include <map>
#include <string>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sched.h>
#include <sys/ipc.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

namespace {

std::string ready_file;
int to_close_on_signal = -1;

[[noreturn]] void stay() {
    while (true)
        ::pause();
}

// Whoever sees the file sees all of it.
void tell(const std::string& text) {
    const std::string unfinished = ready_file + ".new";
    const int fd = ::open(unfinished.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    [[maybe_unused]] const ssize_t written = ::write(fd, text.data(), text.size());
    ::close(fd);
    ::rename(unfinished.c_str(), ready_file.c_str());
}
void tell_ready() { tell("ready"); }

int need(int result) {
    if (result < 0) {
        tell("missing");
        stay();
    }
    return result;
}

void have_shared_memory() {
    const int id = need(::shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600));
    ::shmat(id, nullptr, 0);
    ::shmctl(id, IPC_RMID, nullptr);
}

void have_pending_trap() {
    sigset_t trap;
    ::sigemptyset(&trap);
    ::sigaddset(&trap, SIGTRAP);
    ::sigprocmask(SIG_BLOCK, &trap, nullptr);
    ::raise(SIGTRAP);
}

void have_corked_socket() {
    const int on = 1;
    ::setsockopt(need(::socket(AF_INET, SOCK_DGRAM, 0)), SOL_UDP, UDP_CORK, &on, sizeof on);
}

void have_multipath_socket() { to_close_on_signal = need(::socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP)); }

void have_unaccepted_connection() {
    const int listener = ::socket(AF_UNIX, SOCK_STREAM, 0);
    const int client = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    socklen_t size = sizeof address.sun_family;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    ::bind(listener, generic, size);
    ::listen(listener, 1);
    size = sizeof address;
    ::getsockname(listener, generic, &size);
    ::connect(client, generic, size);
    need(static_cast<int>(::write(client, "data", 4)));
}

void be_in_vfork() {
    // What runs in the borrowed memory ends with its lender.
    if (::vfork() == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        tell_ready();
        stay();
    }
}

const std::map<std::string, std::function<void()>> k_kinds = {
    {"corked_socket", have_corked_socket},
    {"multipath_socket", have_multipath_socket},
    {"pending_trap", have_pending_trap},
    {"shared_memory", have_shared_memory},
    {"time_namespace", [] { need(::unshare(CLONE_NEWTIME)); }},
    {"unaccepted_connection", have_unaccepted_connection},
    {"user_namespace", [] { need(::unshare(CLONE_NEWUSER)); }},
    {"userfaultfd", [] { need(static_cast<int>(::syscall(SYS_userfaultfd, 1))); }},
    {"vfork", be_in_vfork},
};

} // namespace

int main(int argc, char** argv) {
    const auto kind = argc == 3 ? k_kinds.find(argv[1]) : k_kinds.end();
    if (kind == k_kinds.end())
        return 2;
    ready_file = argv[2];
    ::signal(SIGUSR1, [](int) { ::close(to_close_on_signal); });
    kind->second();
    tell_ready();
    stay();
}
