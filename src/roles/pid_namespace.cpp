// SPDX-License-Identifier: Apache-2.0
#include "cedana/roles/pid_namespace.hpp"

#include "cedana/base/child_process.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/criu/command.hpp"
#include "cedana/criu/environment.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace cedana::criu {

namespace {

constexpr int k_failed = 1;
// As a shell tells it.
constexpr int k_signalled = 128;

void require(bool done, const char* what) {
    if (done)
        return;
    const int err = errno;
    throw os_error(err, what, Fault::environment);
}

// The pipe on which the keeper tells its wrapper how CRIU ended.
constexpr int k_told_on = 4;
// That which is at its end once the wrapper has looked at the tree.
constexpr int k_seen_on = 5;
static_assert(k_told_on != k_held && k_seen_on != k_held);

std::vector<std::string> arguments_of(char** argv) {
    std::vector<std::string> arguments;
    for (; *argv != nullptr; ++argv)
        arguments.emplace_back(*argv);
    return arguments;
}

using Descriptors = std::vector<std::pair<int, int>>;

// What CRIU is to have. Call it before a descriptor is opened here.
Descriptors passed_on(const std::vector<std::string>& argv) {
    Descriptors fds = {{0, 0}, {1, 1}, {2, 2}};
    for (const int number : inherited_numbers(argv))
        fds.emplace_back(number, number);
    if (::fcntl(k_held, F_GETFD) >= 0)
        fds.emplace_back(k_held, k_held);
    return fds;
}

std::filesystem::path pid_file(const std::vector<std::string>& argv) {
    const auto option = std::ranges::find(argv, "--pidfile");
    if (option == argv.end() || option + 1 == argv.end())
        throw Error(Fault::internal, "criu was not asked which pid it restores");
    return *(option + 1);
}

// The pid inside of the tree's root.
pid_t root_in(const std::vector<std::string>& argv) {
    std::int64_t pid = -1;
    if (!parse_number(trim(read_file(pid_file(argv))), pid))
        throw Error(Fault::internal, "criu did not say which pid it restored");
    return static_cast<pid_t>(pid);
}

// Nothing of the command that ended stays open, and no folder in use.
void let_go(const Descriptors& passed) {
    const UniqueFd null = open_file("/dev/null", O_RDWR);
    for (const auto& [fd, number] : passed)
        number <= STDERR_FILENO ? ::dup2(null.get(), fd) : ::close(fd);
    ::close(k_told_on);
    ::close(k_seen_on);
    require(::chdir("/") == 0, "cannot leave the folder");
}

// Until then nothing of the tree may be reaped: an ended process can still be looked at.
void await_look() {
    char none = 0;
    while (::read(k_seen_on, &none, 1) < 0 && errno == EINTR) {}
}

int keep(const std::vector<std::string>& argv) {
    const Descriptors passed = passed_on(argv);
    ::prctl(PR_SET_NAME, "cedana-keeper");
    // What is mounted in here stays in here; what the host mounts later is seen here too.
    require(::unshare(CLONE_NEWNS) == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) == 0,
            "cannot make a mount namespace");
    // Processes in here must see their own numbers.
    require(::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) == 0, "cannot mount /proc");
    SpawnRequest request{.argv = argv, .fds = passed, .env = clean_environment()};
    const int code = ChildProcess::spawn(std::move(request)).wait().shell_code();
    const pid_t root = code == 0 ? root_in(argv) : -1;
    const auto told = static_cast<char>(code);
    if (::write(k_told_on, &told, 1) != 1 || code != 0)
        return k_failed;
    await_look();
    let_go(passed);
    int root_code = 0;
    siginfo_t ended{};
    while (::waitid(P_ALL, 0, &ended, WEXITED) == 0 || errno == EINTR)
        if (ended.si_pid == root)
            root_code = ended.si_code == CLD_EXITED ? ended.si_status : k_signalled + ended.si_status;
    return root_code;
}

// From /proc/PID/status, "NSpid:	4711	42": from the namespace of the reader inwards (proc(5)).
bool has_inside(pid_t pid, pid_t inside) {
    std::ifstream status(fmt::format("/proc/{}/status", pid));
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("NSpid:"))
            return (line + '\t').find(fmt::format("\t{}\t{}\t", pid, inside)) != std::string::npos;
    return false;
}

// In a file that is not made shorter: what it takes of a full file system it has already.
void put_pid(const UniqueFd& file, pid_t pid, const std::filesystem::path& path) {
    // Blanks to the end of the longest number.
    write_all(file.get(), fmt::format("{:<11}\n", pid), path);
}

// Puts the root's pid as it is seen from here in the place of that inside. The keeper stands for a tree whose root CRIU
// has reaped itself.
void tell_pid(const std::vector<std::string>& argv, pid_t keeper) {
    const pid_t inside = root_in(argv);
    const std::vector<pid_t> pids = children_of(keeper);
    const auto root = std::ranges::find_if(pids, [&](pid_t pid) { return has_inside(pid, inside); });
    put_pid(open_file(pid_file(argv), O_WRONLY), root == pids.end() ? keeper : *root, pid_file(argv));
}

int wrap(const std::vector<std::string>& argv, const std::filesystem::path& keeper_file) {
    SpawnRequest request{.argv = wrapped(argv),
                         .fds = passed_on(argv),
                         .env = clean_environment({fmt::format("{}=", k_namespace_keeper)})};
    // While nothing runs that would have to end for it.
    put_pid(open_file(keeper_file, O_WRONLY | O_CREAT, 0600), 0, keeper_file);
    require(::unshare(CLONE_NEWPID) == 0, "cannot make a pid namespace");
    Pipe told = make_pipe();
    Pipe seen = make_pipe();
    request.fds.emplace_back(told.write_end.get(), k_told_on);
    request.fds.emplace_back(seen.read_end.get(), k_seen_on);
    ChildProcess keeper = ChildProcess::spawn(std::move(request));
    told.write_end.reset();
    put_pid(open_file(keeper_file, O_WRONLY), keeper.pid(), keeper_file);
    char code = k_failed;
    while (::read(told.read_end.get(), &code, 1) < 0 && errno == EINTR) {}
    if (code == 0)
        tell_pid(argv, keeper.pid());
    keeper.detach();
    return static_cast<unsigned char>(code);
}

} // namespace

int run_in_new_pid_namespace(char** argv) {
    const std::filesystem::path keeper_file = std::getenv(k_namespace_keeper);
    try {
        const std::vector<std::string> inner = arguments_of(argv + 1);
        return keeper_file.empty() ? keep(inner) : wrap(inner, keeper_file);
    } catch (const Error& error) {
        std::fprintf(stderr, "Error: %s\n", error.what());
        return k_failed;
    }
}

std::vector<std::string> wrapped(std::vector<std::string> argv) {
    argv.insert(argv.begin(), "/proc/self/exe");
    return argv;
}

} // namespace cedana::criu
