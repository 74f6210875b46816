// SPDX-License-Identifier: Apache-2.0
// A target with what CRIU brings back changed or not at all unless its images are mended: it sets up what KIND says,
// and waits for a byte in FIFO. Then it looks whether all is as it was; a line of LOG says "ready" and then "right", or
// what is wrong. Usage: mended KIND LOG FIFO, KIND being calls, timers, reservations, long, death, locks
// or huge.
#include <array>
#include <csignal>
#include <cstdint>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "append_log.hpp"

namespace {

using Check = std::function<std::string()>;

constexpr std::uint64_t k_MiB = 1024UL * 1024;
constexpr std::uint64_t k_GiB = 1024 * k_MiB;

void require(bool done) {
    if (!done)
        std::exit(2);
}

char* map_memory(std::uint64_t size, int protection, int flags) {
    void* const memory = ::mmap(nullptr, size, protection, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
    require(memory != MAP_FAILED);
    return static_cast<char*>(memory);
}

char value_at(std::uint64_t offset) { return static_cast<char>(offset / 4096 * 7 + 3); }

void fill(char* memory, std::uint64_t from, std::uint64_t size) {
    for (std::uint64_t offset = from; offset < from + size; offset += 512)
        memory[offset] = value_at(offset);
}

bool is_filled(const char* memory, std::uint64_t from, std::uint64_t size) {
    for (std::uint64_t offset = from; offset < from + size; offset += 512)
        if (memory[offset] != value_at(offset))
            return false;
    return true;
}

// "VmFlags:" of the mapping that begins there (proc(5)); empty if none does.
std::string flags_of(const char* start) {
    std::array<char, 20> hex{};
    std::snprintf(hex.data(), hex.size(), "%lx-", reinterpret_cast<unsigned long>(start));
    std::ifstream smaps("/proc/self/smaps");
    bool here = false;
    for (std::string line; std::getline(smaps, line);) {
        if (line.find('-') < 17 && line.find(':') > 17)
            here = line.starts_with(hex.data());
        if (here && line.starts_with("VmFlags:"))
            return line;
    }
    return {};
}

bool is_one_mapping(const char* start, std::uint64_t size) {
    std::array<char, 48> range{};
    std::snprintf(range.data(), range.size(), "%lx-%lx ", reinterpret_cast<unsigned long>(start),
                  reinterpret_cast<unsigned long>(start + size));
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);)
        if (line.starts_with(range.data()))
            return true;
    return false;
}

// Each is woken by what is done once all have been asked to end.
struct Waiter {
    std::string name;
    std::function<bool()> wait;
    std::function<void()> wake;
};

std::array<int, 2> make_pipe() {
    std::array<int, 2> ends{};
    require(::pipe(ends.data()) == 0);
    return ends;
}

std::vector<Waiter> waiters() {
    std::vector<Waiter> all;
    const auto on_pipe = [&](const std::string& name, const std::function<bool(int)>& wait) {
        const auto ends = make_pipe();
        all.push_back({name, [=] { return wait(ends[0]); }, [=] { require(::write(ends[1], "x", 1) == 1); }});
    };
    on_pipe("poll", [](int fd) {
        pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
        return ::poll(&entry, 1, -1) == 1;
    });
    on_pipe("poll with a limit", [](int fd) {
        pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
        return ::poll(&entry, 1, 100'000) == 1;
    });
    on_pipe("select", [](int fd) {
        fd_set set;
        FD_ZERO(&set);
        FD_SET(fd, &set);
        timeval limit{.tv_sec = 100, .tv_usec = 0};
        return ::select(fd + 1, &set, nullptr, nullptr, &limit) == 1;
    });
    on_pipe("epoll_wait", [](int fd) {
        const int epoll = ::epoll_create1(0);
        epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
        require(::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
        return ::epoll_wait(epoll, &event, 1, -1) == 1;
    });
    static int word = 0;
    all.push_back({"futex",
                   [] {
                       const timespec limit{.tv_sec = 100, .tv_nsec = 0};
                       return ::syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &limit, nullptr, 0) == 0;
                   },
                   [] { ::syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0); }});
    std::array<int, 2> pair{};
    require(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair.data()) == 0);
    const timeval limit{.tv_sec = 100, .tv_usec = 0};
    require(::setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
    all.push_back({"recv with a limit",
                   [=] {
                       char byte = 0;
                       return ::recv(pair[0], &byte, 1, 0) == 1;
                   },
                   [=] { require(::send(pair[1], "x", 1, 0) == 1); }});
    all.push_back({"clock_nanosleep",
                   [] {
                       const timespec length{.tv_sec = 3, .tv_nsec = 0};
                       return ::clock_nanosleep(CLOCK_MONOTONIC, 0, &length, nullptr) == 0;
                   },
                   [] {}});
    return all;
}

// All threads but this one stand in a call.
void await_threads() {
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
        char state = 'R';
        while (entry.path().filename() != std::to_string(::getpid()) && state != 'S') {
            std::string line;
            std::getline(std::ifstream(entry.path() / "stat"), line);
            state = line.at(line.rfind(')') + 2);
        }
    }
}

Check calls() {
    auto all = std::make_shared<std::vector<Waiter>>(waiters());
    auto threads = std::make_shared<std::vector<std::thread>>();
    auto wrong = std::make_shared<std::vector<char>>(all->size(), '\0');
    for (std::size_t i = 0; i < all->size(); ++i)
        threads->emplace_back([=] { (*wrong)[i] = (*all)[i].wait() ? '\0' : '\1'; });
    await_threads();
    return [=] {
        std::string names;
        for (std::size_t i = 0; i < all->size(); ++i) {
            (*all)[i].wake();
            (*threads)[i].join();
            if ((*wrong)[i] != '\0')
                names += " " + (*all)[i].name;
        }
        return names.empty() ? names : "these were broken off:" + names;
    };
}

bool has_tick(int timer, int milliseconds) {
    pollfd entry{.fd = timer, .events = POLLIN, .revents = 0};
    std::uint64_t ticks = 0;
    return ::poll(&entry, 1, milliseconds) == 1 && ::read(timer, &ticks, sizeof ticks) == sizeof ticks;
}

int make_timer(int clock, int flags, const itimerspec& time) {
    const int timer = ::timerfd_create(clock, 0);
    require(timer >= 0 && ::timerfd_settime(timer, flags, &time, nullptr) == 0);
    return timer;
}

Check timers() {
    constexpr long k_every = 20'000'000;
    constexpr int k_long = 10'000;
    const int rounds = make_timer(CLOCK_MONOTONIC, 0, {.it_interval = {0, k_every}, .it_value = {0, k_every}});
    const int past = make_timer(CLOCK_REALTIME, TFD_TIMER_ABSTIME, {.it_interval = {0, 0}, .it_value = {1, 0}});
    require(has_tick(past, k_long));
    sigset_t alarm;
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    ::sigprocmask(SIG_BLOCK, &alarm, nullptr);
    const itimerval interval{.it_interval = {0, k_every / 1000}, .it_value = {0, k_every / 1000}};
    require(::setitimer(ITIMER_REAL, &interval, nullptr) == 0);
    const timespec limit{.tv_sec = k_long / 1000, .tv_nsec = 0};
    pollfd due{.fd = rounds, .events = POLLIN, .revents = 0};
    require(::poll(&due, 1, k_long) == 1);
    sigset_t waiting;
    do
        require(::sigpending(&waiting) == 0);
    while (sigismember(&waiting, SIGALRM) == 0);
    return [=]() -> std::string {
        for (int round = 0; round < 3; ++round) {
            if (!has_tick(rounds, k_long))
                return "the timer has stopped";
            if (::sigtimedwait(&alarm, nullptr, &limit) != SIGALRM)
                return "the interval timer has stopped";
        }
        return has_tick(past, 0) ? "what was over has run out again" : "";
    };
}

// More than the kernel grants, were it counted.
std::uint64_t more_than_granted() {
    struct sysinfo host {};
    require(::sysinfo(&host) == 0);
    return ((host.totalram + host.totalswap) * host.mem_unit / k_GiB + 8) * k_GiB;
}

Check reservations(const std::string& log) {
    const std::uint64_t size = more_than_granted();
    char* const reserved = map_memory(size, PROT_NONE, 0);
    char* const read_only = map_memory(size, PROT_READ, 0);
    const int file = ::open((log + ".sparse").c_str(), O_RDWR | O_CREAT, 0600);
    require(file >= 0 && ::ftruncate(file, static_cast<off_t>(size)) == 0 && ::pwrite(file, "x", 1, 4096) == 1);
    void* const mapped = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
    require(mapped != MAP_FAILED);
    char* const used = reserved + 4 * k_GiB;
    require(::mprotect(used, 8 * k_MiB, PROT_READ | PROT_WRITE) == 0);
    fill(used, 0, 8 * k_MiB);
    const std::string flags = flags_of(reserved);
    const std::string flags_of_file = flags_of(static_cast<char*>(mapped));
    return [=]() -> std::string {
        if (!is_filled(used, 0, 8 * k_MiB))
            return "its memory is another";
        if (flags_of(reserved) != flags)
            return "the reservation has" + flags_of(reserved) + ", not" + flags;
        if (flags_of(static_cast<char*>(mapped)) != flags_of_file)
            return "the file has" + flags_of(static_cast<char*>(mapped)) + ", not" + flags_of_file;
        if (static_cast<char*>(mapped)[4096] != 'x' || read_only[size / 2] != '\0')
            return "what is read is another";
        if (::mprotect(used + 8 * k_MiB, k_MiB, PROT_READ | PROT_WRITE) != 0)
            return "it can take no more of its reservation";
        fill(used, 8 * k_MiB, k_MiB);
        return is_filled(used, 0, 9 * k_MiB) ? "" : "what it took is another";
    };
}

Check long_mapping() {
    constexpr std::uint64_t k_size = 9000 * k_GiB;
    constexpr std::uint64_t k_far = 8900 * k_GiB;
    char* const memory = map_memory(k_size, PROT_READ | PROT_WRITE, MAP_NORESERVE);
    // At the ends, where it may be cut, and further away than an int counts pages.
    constexpr std::array<std::uint64_t, 4> k_used = {0, 4096 * k_GiB - k_MiB, k_far, k_size - 2 * k_MiB};
    for (const std::uint64_t from : k_used)
        fill(memory, from, 2 * k_MiB);
    return [=]() -> std::string {
        for (const std::uint64_t from : k_used)
            if (!is_filled(memory, from, 2 * k_MiB))
                return "its memory is another";
        if (memory[k_far - 4096] != '\0')
            return "what was never written to has something in it";
        return is_one_mapping(memory, k_size) ? "" : "it is several mappings now";
    };
}

Check death() {
    require(::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
    const auto ask = make_pipe();
    const auto answer = make_pipe();
    const pid_t child = ::fork();
    require(child >= 0);
    if (child == 0) {
        require(::prctl(PR_SET_PDEATHSIG, SIGTERM) == 0);
        char byte = 0;
        int signal = 0;
        while (::read(ask[0], &byte, 1) == 1) {
            ::prctl(PR_GET_PDEATHSIG, &signal);
            require(::write(answer[1], &signal, sizeof signal) == sizeof signal);
        }
        ::_exit(0);
    }
    return [=]() -> std::string {
        int own = -1;
        int of_child = -1;
        ::prctl(PR_GET_PDEATHSIG, &own);
        if (::write(ask[1], "x", 1) != 1 || ::read(answer[0], &of_child, sizeof of_child) != sizeof of_child)
            return "its child is gone";
        if (own != 0)
            return "it wants a signal yet";
        return of_child == SIGTERM ? "" : "its child wants another signal";
    };
}

// With memory of its own before and after it.
Check huge() {
    constexpr std::uint64_t k_size = 8 * k_MiB;
    char* const memory = map_memory(k_size, PROT_READ | PROT_WRITE, MAP_HUGETLB);
    fill(memory, 0, k_size / 2);
    char* const beside = map_memory(k_size, PROT_READ | PROT_WRITE, 0);
    fill(beside, 0, k_size);
    const std::string flags = flags_of(memory);
    return [=]() -> std::string {
        if (!is_filled(memory, 0, k_size / 2) || memory[k_size - 1] != '\0')
            return "its huge pages are others";
        if (!is_filled(beside, 0, k_size))
            return "its memory is another";
        return flags_of(memory) == flags ? "" : "it has no huge pages: " + flags_of(memory);
    };
}

// Of a child, on a file that it has inherited open.
Check locks(const std::string& path) {
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    require(file >= 0);
    struct ::flock wanted {};
    wanted.l_type = F_WRLCK;
    wanted.l_start = 100;
    wanted.l_len = 1;
    const auto locked = make_pipe();
    const pid_t child = ::fork();
    require(child >= 0);
    char byte = 0;
    if (child == 0) {
        require(::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
        require(::fcntl(file, F_SETLK, &wanted) == 0);
        require(::write(locked[1], "x", 1) == 1);
        while (true)
            ::pause();
    }
    require(::read(locked[0], &byte, 1) == 1);
    return [=]() -> std::string {
        struct ::flock found = wanted;
        require(::fcntl(file, F_GETLK, &found) == 0);
        return found.l_type == F_WRLCK && found.l_pid == child ? "" : "the lock of its child is gone";
    };
}

Check set_up(const std::string& kind, const char* log_path) {
    if (kind == "calls")
        return calls();
    if (kind == "timers")
        return timers();
    if (kind == "reservations")
        return reservations(log_path);
    if (kind == "long")
        return long_mapping();
    if (kind == "death")
        return death();
    if (kind == "locks")
        return locks(std::string(log_path) + ".lock");
    require(kind == "huge");
    return huge();
}

// Until the test writes. A call of its own that goes on, whatever the signal.
void await_byte(int fifo) {
    char byte = 0;
    while (::read(fifo, &byte, 1) != 1) {}
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 4)
        return 2;
    const AppendLog log(argv[2]);
    require(::mkfifo(argv[3], 0600) == 0);
    const int fifo = ::open(argv[3], O_RDWR);
    require(fifo >= 0);
    const Check check = set_up(argv[1], argv[2]);
    log.line("ready");
    await_byte(fifo);
    const std::string wrong = check();
    if (!wrong.empty())
        log.broken(wrong);
    log.line("right");
    while (true)
        ::pause();
}
