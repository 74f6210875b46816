// SPDX-License-Identifier: Apache-2.0
// A target with something that CRIU cannot dump. Makes the file READY once it has it, and stays. READY holds "missing"
// if the kernel has no such thing. Usage: undumpable KIND READY
#include <array>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <map>
#include <string>

#include <fcntl.h>
#include <linux/netlink.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sched.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/mman.h>
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

void have_sealed_mapping() {
    // The same on every machine (Linux 6.10).
    constexpr long k_mseal = 462;
    constexpr std::size_t k_page = 4096;
    void* memory = ::mmap(nullptr, k_page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    need(static_cast<int>(::syscall(k_mseal, memory, k_page, 0UL)));
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
    need(::bind(listener, generic, size));
    ::listen(listener, 1);
    size = sizeof address;
    ::getsockname(listener, generic, &size);
    need(::connect(client, generic, size));
    need(static_cast<int>(::write(client, "data", 4)));
}

void have_packet_pipe() {
    std::array<int, 2> ends{};
    need(::pipe2(ends.data(), O_DIRECT));
    ::close(ends[0]);
}

void have_pidfd_of_another() { need(static_cast<int>(::syscall(SYS_pidfd_open, ::getppid(), 0))); }

void have_sealed_memory() {
    const int memory = need(::memfd_create("sealed", MFD_ALLOW_SEALING));
    need(::ftruncate(memory, 4096));
    need(::fcntl(memory, F_ADD_SEALS, F_SEAL_WRITE));
    need(::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, memory, 0) == MAP_FAILED ? -1 : 0);
}

void have_message_queue() {
    const std::string name = "/cedana-undumpable-" + std::to_string(::getpid());
    need(::mq_open(name.c_str(), O_RDWR | O_CREAT, 0600, nullptr));
    ::mq_unlink(name.c_str());
}

// sched_setattr(2), for which older C libraries have nothing.
void be_scheduled_by_deadline() {
    struct {
        std::uint32_t size;
        std::uint32_t policy;
        std::uint64_t flags;
        std::int32_t nice;
        std::uint32_t priority;
        std::uint64_t runtime;
        std::uint64_t deadline;
        std::uint64_t period;
    } wanted{.size = sizeof wanted,
             .policy = 6,
             .flags = 0,
             .nice = 0,
             .priority = 0,
             .runtime = 1'000'000,
             .deadline = 100'000'000,
             .period = 100'000'000};
    need(static_cast<int>(::syscall(SYS_sched_setattr, 0, &wanted, 0)));
}

// A child of its own is in another namespace, and ends with it.
void have_nested_ipc() {
    std::array<int, 2> ready{};
    need(::pipe2(ready.data(), O_CLOEXEC));
    if (::fork() == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        const char result = ::unshare(CLONE_NEWIPC) == 0 ? 'y' : 'n';
        [[maybe_unused]] const ssize_t sent = ::write(ready[1], &result, 1);
        stay();
    }
    char result = 'n';
    [[maybe_unused]] const ssize_t received = ::read(ready[0], &result, 1);
    need(result == 'y' ? 0 : -1);
}

void have_netlink_group() {
    constexpr int k_netlink = 270;
    const int group = 1;
    const int fd = need(::socket(AF_NETLINK, SOCK_RAW, 0));
    need(::setsockopt(fd, k_netlink, NETLINK_ADD_MEMBERSHIP, &group, sizeof group));
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
    {"deadline", be_scheduled_by_deadline},
    {"message_queue", have_message_queue},
    {"multipath_socket", have_multipath_socket},
    {"nested_ipc", have_nested_ipc},
    {"netlink_group", have_netlink_group},
    {"packet_pipe", have_packet_pipe},
    {"pending_trap", have_pending_trap},
    {"pidfd_of_another", have_pidfd_of_another},
    {"sealed_mapping", have_sealed_mapping},
    {"sealed_memory", have_sealed_memory},
    {"shared_memory", have_shared_memory},
    {"time_namespace", [] { need(::unshare(CLONE_NEWTIME)); }},
    {"tunnel", [] { need(::open("/dev/net/tun", O_RDWR | O_CLOEXEC)); }},
    {"unaccepted_connection", have_unaccepted_connection},
    {"user_namespace", [] { need(::unshare(CLONE_NEWUSER)); }},
    {"userfaultfd", [] { need(static_cast<int>(::syscall(SYS_userfaultfd, 1))); }},
    {"vfork", be_in_vfork},
    {"watch_in_proc", [] { need(::inotify_add_watch(need(::inotify_init1(IN_CLOEXEC)), "/proc", IN_MODIFY)); }},
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
