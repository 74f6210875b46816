// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/child_process.hpp"

#include "cedana/base/descriptor_limit.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <filesystem>
#include <system_error>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

using Clock = std::chrono::steady_clock;

std::vector<char*> pointers(std::vector<std::string>& words) {
    std::vector<char*> result;
    for (std::string& word : words)
        result.push_back(word.data());
    result.push_back(nullptr);
    return result;
}

// Only async-signal-safe calls from here on: another thread may have held any lock at fork. And nothing that changes
// what the parent still needs, since its memory may be shared.

bool set_descriptor_limit(rlim_t soft) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return false;
    limit.rlim_cur = std::min(soft, limit.rlim_max);
    return ::setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

// The hard limit only as far as CAP_SYS_RESOURCE goes.
void lift_file_size_limit() {
    rlimit limit{.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0 && ::getrlimit(RLIMIT_FSIZE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        ::setrlimit(RLIMIT_FSIZE, &limit);
    }
}

// The system calls themselves, which are of one thread: the C library's functions have every thread of the process take
// the ids (setuid(2)), and those that it knows here may be the parent's.
bool take_user(uid_t uid, gid_t gid, const std::vector<gid_t>& groups = {}) {
    return ::syscall(SYS_setgroups, groups.empty() ? 1 : groups.size(), groups.empty() ? &gid : groups.data()) == 0 &&
           ::syscall(SYS_setresgid, gid, gid, gid) == 0 && ::syscall(SYS_setresuid, uid, uid, uid) == 0;
}

void reset_signals() {
    struct sigaction action {};
    action.sa_handler = SIG_DFL;
    for (int number = 1; number < NSIG; ++number)
        ::sigaction(number, &action, nullptr);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// Puts each listed descriptor at its number and closes all others.
bool place_fds(std::pair<int, int>* fds, std::size_t count, int& keep) {
    int highest = 2;
    for (std::size_t i = 0; i < count; ++i)
        highest = std::max(highest, fds[i].second);
    // Out of the way first. No higher than needed: at the limit of descriptors fcntl(2) says EINVAL.
    for (std::size_t i = 0; i < count; ++i)
        if ((fds[i].first = ::fcntl(fds[i].first, F_DUPFD_CLOEXEC, highest + 1)) < 0)
            return false;
    if ((keep = ::fcntl(keep, F_DUPFD_CLOEXEC, highest + 1)) < 0)
        return false;
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int number = 0; number <= 2; ++number)
        if ((null == number ? ::fcntl(number, F_SETFD, 0) : ::dup2(null, number)) < 0)
            return false;
    for (std::size_t i = 0; i < count; ++i)
        if (::dup2(fds[i].first, fds[i].second) < 0)
            return false;
    for (int number = 3; number <= highest; ++number) {
        const bool listed = std::any_of(fds, fds + count, [&](const auto& pair) { return pair.second == number; });
        if (!listed)
            ::close(number);
    }
    // Everything above is closed by exec; what was inherited without CLOEXEC must not cross either.
    return ::syscall(SYS_close_range, static_cast<unsigned>(highest) + 1, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */) == 0;
}

bool enter_namespaces(const std::vector<int>& numbers) {
    return std::ranges::all_of(numbers, [](int number) { return ::setns(number, 0) == 0 && ::close(number) == 0; });
}

struct Prepared {
    SpawnRequest& request;
    char* const* argv;
    char* const* env;
    // Null: as it is, which is for what belongs to cedana.
    const rlim_t* descriptor_limit;
};

// May share its memory with the parent, a thread of which waits until it is gone or another program.
[[noreturn]] void run_child(const Prepared& prepared, int report) {
    SpawnRequest& request = prepared.request;
    const bool ready = place_fds(request.fds.data(), request.fds.size(), report) &&
                       (request.session == Session::shared || ::setsid() >= 0) &&
                       (request.session != Session::own_with_terminal || ::ioctl(STDIN_FILENO, TIOCSCTTY, 0) == 0) &&
                       (!prepared.descriptor_limit || set_descriptor_limit(*prepared.descriptor_limit)) &&
                       (request.cwd.empty() || ::chdir(request.cwd.c_str()) == 0) && enter_namespaces(request.enter) &&
                       (!request.user || take_user(request.user->first, request.user->second, request.groups));
    if (ready) {
        reset_signals();
        if (prepared.descriptor_limit == nullptr) {
            lift_file_size_limit();
            std::signal(SIGXFSZ, SIG_IGN);
        }
        ::execvpe(prepared.argv[0], prepared.argv, prepared.env);
    }
    const int err = errno;
    [[maybe_unused]] const ssize_t sent = ::write(report, &err, sizeof err);
    ::_exit(127);
}

// Blocks every signal for the fork, so that no handler or default action runs in the half-made child.
class AllSignalsBlocked {
  public:
    AllSignalsBlocked() {
        sigset_t all;
        sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~AllSignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    AllSignalsBlocked(const AllSignalsBlocked&) = delete;
    AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;

  private:
    sigset_t before_{};
};

// Sanitizers know of a fork, but not of a child that goes on in the same memory.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool k_is_sanitized = true;
#elif defined(__has_feature)
constexpr bool k_is_sanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
constexpr bool k_is_sanitized = false;
#endif

// Memory for the stack of a child; none if it cannot be had.
class ChildStack {
  public:
    ChildStack()
        : start_(::mmap(nullptr, k_size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0)) {}
    ChildStack(const ChildStack&) = delete;
    ChildStack& operator=(const ChildStack&) = delete;
    ~ChildStack() {
        if (start_ != MAP_FAILED)
            ::munmap(start_, k_size);
    }
    // It grows downwards.
    [[nodiscard]] void* top() const { return start_ == MAP_FAILED ? nullptr : static_cast<char*>(start_) + k_size; }

  private:
    // execvpe(3) has the words of a script's command line there.
    static constexpr std::size_t k_size = 1024UL * 1024;
    void* start_;
};

// As posix_spawn(3) does it: a fork would copy the tables of this process's memory, and each page that either of them
// touches afterwards would cost a fault.
pid_t start_child(const Prepared& prepared, int report) {
    struct Work {
        const Prepared& prepared;
        int report;
    } work{.prepared = prepared, .report = report};
    const ChildStack stack;
    // A namespace of users or of time takes nobody in who shares its memory (setns(2)).
    if (k_is_sanitized || !prepared.request.enter.empty() || stack.top() == nullptr) {
        const pid_t pid = ::fork();
        if (pid == 0)
            run_child(prepared, report);
        return pid;
    }
    const auto run = [](void* argument) -> int {
        const auto* const given = static_cast<const Work*>(argument);
        run_child(given->prepared, given->report);
    };
    return ::clone(run, stack.top(), CLONE_VM | CLONE_VFORK | SIGCHLD, &work);
}

ExitStatus status_of(const siginfo_t& info) {
    return info.si_code == CLD_EXITED ? ExitStatus::exited(info.si_status) : ExitStatus::signalled(info.si_status);
}

ExitStatus reap_pid(pid_t pid) {
    siginfo_t info{};
    while (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED) != 0) {
        const int err = errno;
        if (err != EINTR)
            throw os_error(err, fmt::format("cannot wait for child {}", pid));
    }
    return status_of(info);
}

// The child is ours and not reaped, so the pid cannot have been reused. It is ended if this throws.
UniqueFd pidfd_of_child(pid_t pid) {
    try {
        if (auto pidfd = open_pidfd(pid))
            return std::move(*pidfd);
        throw Error(Fault::internal, fmt::format("cannot get a pidfd of child {}", pid));
    } catch (...) {
        kill_child(pid);
        throw;
    }
}

// true when readable, false after `limit`; a negative limit waits for ever.
bool poll_readable(int fd, std::chrono::milliseconds limit) {
    const auto deadline = Clock::now() + limit;
    while (true) {
        pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
        const int wait = limit.count() < 0 ? -1 : static_cast<int>(std::max<std::int64_t>(left.count(), 0));
        const int ready = ::poll(&entry, 1, wait);
        if (ready > 0)
            return true;
        if (ready == 0)
            return false;
        if (const int err = errno; err != EINTR)
            throw os_error(err, "cannot poll");
    }
}

void keep_tail(std::string& text, std::size_t tail) {
    if (text.size() > tail)
        text.erase(0, text.size() - tail);
}

} // namespace

ExitStatus ExitStatus::of_shell_code(int code) {
    constexpr int k_signalled = 128;
    const bool is_signal = code > k_signalled && code < k_signalled + NSIG;
    return is_signal ? signalled(code - k_signalled) : exited(code);
}

std::string ExitStatus::text() const {
    return signal_ == 0 ? fmt::format("exited with status {}", code_)
                        : fmt::format("was killed by signal {} ({})", signal_, ::strsignal(signal_));
}

ChildProcess ChildProcess::spawn(SpawnRequest request) {
    auto argv = pointers(request.argv);
    auto env = request.env ? pointers(*request.env) : std::vector<char*>{};
    const rlim_t at_start = request.descriptors_as_started.value_or(descriptor_limit_at_start());
    const Prepared prepared{.request = request,
                            .argv = argv.data(),
                            .env = request.env ? env.data() : environ,
                            .descriptor_limit =
                                request.descriptor_limit == DescriptorLimit::as_started ? &at_start : nullptr};
    const std::string program = request.argv.at(0);
    Pipe report = make_pipe();

    pid_t pid = -1;
    int failure = 0;
    {
        const AllSignalsBlocked blocked;
        pid = start_child(prepared, report.write_end.get());
        failure = errno;
    }
    if (pid < 0)
        throw os_error(failure, fmt::format("cannot start {}", program));
    report.write_end.reset();
    int child_error = 0;
    ssize_t count = 0;
    do
        count = ::read(report.read_end.get(), &child_error, sizeof child_error);
    while (count < 0 && errno == EINTR);
    if (count == sizeof child_error) {
        reap_pid(pid);
        throw os_error(child_error, fmt::format("cannot execute {}", program), Fault::environment);
    }
    // Its number is free for the pidfd then, should descriptors be short.
    report.read_end.reset();
    return {pid, pidfd_of_child(pid), request.grace};
}

ChildProcess::~ChildProcess() {
    if (!pidfd_)
        return;
    try {
        send_signal(pidfd_, SIGTERM);
        if (wait_for(grace_))
            return;
        send_signal(pidfd_, SIGKILL);
        wait();
    } catch (const std::exception&) {
        // Nothing more can be done for a child that can neither be signalled nor awaited.
    }
}

ExitStatus ChildProcess::reap() {
    const ExitStatus status = reap_pid(pid_);
    pidfd_.reset();
    return status;
}

ExitStatus ChildProcess::wait() { return reap(); }

std::optional<ExitStatus> ChildProcess::wait_for(std::chrono::milliseconds limit) {
    if (!poll_readable(pidfd_.get(), limit))
        return std::nullopt;
    return reap();
}

void ChildProcess::signal(int number) const { send_signal(pidfd_, number); }

void ChildProcess::detach() noexcept { pidfd_.reset(); }

Captured run_captured(SpawnRequest request, std::chrono::milliseconds limit, std::size_t tail) {
    Pipe out = make_pipe();
    Pipe err = make_pipe();
    request.fds.emplace_back(out.write_end.get(), 1);
    request.fds.emplace_back(err.write_end.get(), 2);
    const std::string program = request.argv.at(0);
    ChildProcess child = ChildProcess::spawn(std::move(request));
    out.write_end.reset();
    err.write_end.reset();

    Captured result{.status = ExitStatus::exited(0), .out = {}, .err = {}};
    std::array<std::pair<UniqueFd*, std::string*>, 2> streams = {
        {{&out.read_end, &result.out}, {&err.read_end, &result.err}}};
    const auto deadline = Clock::now() + limit;
    while (out.read_end || err.read_end) {
        std::array<pollfd, 2> set = {{{out.read_end.get(), POLLIN, 0}, {err.read_end.get(), POLLIN, 0}}};
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
        if (left.count() <= 0)
            throw Error(Fault::environment, fmt::format("{} did not end within {} s", program,
                                                        std::chrono::duration<double>(limit).count()));
        if (::poll(set.data(), set.size(), static_cast<int>(left.count())) < 0 && errno != EINTR)
            throw OsFailure().error("cannot poll");
        for (std::size_t i = 0; i < set.size(); ++i) {
            if (set[i].revents == 0)
                continue;
            std::array<char, 4096> buffer;
            const ssize_t count = ::read(set[i].fd, buffer.data(), buffer.size());
            if (count > 0) {
                streams[i].second->append(buffer.data(), static_cast<std::size_t>(count));
                keep_tail(*streams[i].second, tail);
            } else if (count == 0) {
                streams[i].first->reset();
            }
        }
    }
    result.status = child.wait();
    return result;
}

namespace {

constexpr char k_result = '+';
constexpr char k_failure = '-';

// What the child of call_as_user() sends: a mark and the result, or a mark and the Error's parts.
std::string outcome_as_user(uid_t uid, gid_t gid, const std::function<std::string()>& work) {
    try {
        if (!take_user(uid, gid))
            throw OsFailure(Fault::permission).error("cannot become user {}", uid);
        return k_result + work();
    } catch (const Error& error) {
        const nlohmann::json parts = {static_cast<int>(error.fault()), error.message(), error.hint()};
        return k_failure + parts.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
    }
}

[[noreturn]] void run_user_child(uid_t uid, gid_t gid, const std::function<std::string()>& work, int report) {
    int code = 1;
    try {
        write_all(report, outcome_as_user(uid, gid, work), "a pipe");
        code = 0;
    } catch (...) {
        // The exit code alone says that it failed.
    }
    ::_exit(code);
}

} // namespace

std::string call_as_user(uid_t uid, gid_t gid, const std::function<std::string()>& work) {
    Pipe report = make_pipe();
    const pid_t pid = ::fork();
    if (pid < 0)
        throw OsFailure().error("cannot fork");
    if (pid == 0)
        run_user_child(uid, gid, work, report.write_end.get());
    report.write_end.reset();
    std::string outcome;
    std::array<char, 4096> buffer;
    for (ssize_t count = 0; (count = ::read(report.read_end.get(), buffer.data(), buffer.size())) != 0;) {
        if (count > 0)
            outcome.append(buffer.data(), static_cast<std::size_t>(count));
        else if (errno != EINTR)
            break;
    }
    const ExitStatus status = reap_pid(pid);
    if (!status.success() || outcome.empty())
        throw Error(Fault::internal, fmt::format("a child with user id {} {}", uid, status.text()));
    if (outcome.front() == k_failure) {
        const auto parts = nlohmann::json::parse(outcome.substr(1));
        throw Error(static_cast<Fault>(parts.at(0).get<int>()), parts.at(1).get<std::string>())
            .hint(parts.at(2).get<std::string>());
    }
    return outcome.substr(1);
}

void run_as_user(uid_t uid, gid_t gid, const std::function<void()>& work) {
    static_cast<void>(call_as_user(uid, gid, [&] { return work(), std::string(); }));
}

bool is_done_within(std::chrono::milliseconds limit, const std::function<void()>& work) {
    constexpr auto k_end_limit = std::chrono::milliseconds(100);
    const pid_t pid = ::fork();
    if (pid < 0)
        throw OsFailure().error("cannot fork");
    if (pid == 0) {
        // Locks and pipes of this process would last as long as the child.
        ::syscall(SYS_close_range, 0U, ~0U, 0U);
        work();
        ::_exit(0);
    }
    const UniqueFd pidfd = pidfd_of_child(pid);
    const bool done = poll_readable(pidfd.get(), limit);
    if (!done)
        send_signal(pidfd, SIGKILL);
    if (done || poll_readable(pidfd.get(), k_end_limit))
        reap_pid(pid);
    return done;
}

void kill_child(pid_t pid) {
    ::kill(pid, SIGKILL);
    siginfo_t info{};
    while (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED) != 0 && errno == EINTR) {}
}

std::vector<pid_t> children_of(pid_t pid) {
    const fs::path tasks = fmt::format("/proc/{}/task", pid);
    std::vector<pid_t> children;
    std::error_code error;
    for (const fs::path& task : entries_of(tasks, error)) {
        try {
            for (const std::string& word : split(trim(read_file(task / "children")), ' '))
                if (std::int64_t child = 0; parse_number(word, child))
                    children.push_back(static_cast<pid_t>(child));
        } catch (const Error&) {
            // A thread that has ended.
            if (fs::exists(task))
                throw;
        }
    }
    if (error && error.value() != ENOENT && error.value() != ESRCH)
        throw os_error(error.value(), fmt::format("cannot list {}", tasks.string()));
    return children;
}

std::optional<UniqueFd> open_pidfd(pid_t pid) {
    UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (fd)
        return fd;
    const int err = errno;
    if (err == ESRCH || err == EINVAL)
        return std::nullopt;
    throw os_error(err, fmt::format("cannot open process {}", pid));
}

UniqueFd copy_descriptor(const UniqueFd& pidfd, int fd) {
    return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_getfd, pidfd.get(), fd, 0U)));
}

std::optional<pid_t> pid_of(const UniqueFd& pidfd) {
    constexpr std::string_view k_key = "Pid:";
    for (const std::string& line : split(read_file(fmt::format("/proc/self/fdinfo/{}", pidfd.get())), '\n'))
        if (std::int64_t pid = 0;
            line.starts_with(k_key) && parse_number(trim(std::string_view(line).substr(k_key.size())), pid) && pid > 0)
            return static_cast<pid_t>(pid);
    return std::nullopt;
}

bool ends_within(const UniqueFd& pidfd, std::chrono::milliseconds limit) { return poll_readable(pidfd.get(), limit); }

bool send_signal(const UniqueFd& pidfd, int number) {
    if (::syscall(SYS_pidfd_send_signal, pidfd.get(), number, nullptr, 0) == 0)
        return true;
    const int err = errno;
    if (err == ESRCH)
        return false;
    throw os_error(err, fmt::format("cannot send {}", ::strsignal(number)));
}

} // namespace cedana
