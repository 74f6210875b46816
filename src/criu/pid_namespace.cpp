// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/pid_namespace.hpp"

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
static_assert(k_told_on != k_held);

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

// The pid in here of the tree's root.
pid_t root_in(const std::vector<std::string>& argv) {
    const auto option = std::ranges::find(argv, "--pidfile");
    std::int64_t pid = -1;
    if (option == argv.end() || option + 1 == argv.end() || !parse_number(trim(read_file(*(option + 1))), pid))
        throw Error(Fault::internal, "criu did not say which pid it restored");
    return static_cast<pid_t>(pid);
}

// Nothing of the command that ended stays open, and no folder in use.
void let_go(const Descriptors& passed) {
    const UniqueFd null = open_file("/dev/null", O_RDWR);
    for (const auto& [fd, number] : passed)
        number <= STDERR_FILENO ? ::dup2(null.get(), fd) : ::close(fd);
    ::close(k_told_on);
    require(::chdir("/") == 0, "cannot leave the folder");
}

int keep(const std::vector<std::string>& argv) {
    const Descriptors passed = passed_on(argv);
    ::prctl(PR_SET_NAME, "cedana-keeper");
    // Processes in here must see their own numbers.
    require(::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) == 0, "cannot mount /proc");
    SpawnRequest request{.argv = argv, .fds = passed, .env = clean_environment()};
    const int code = ChildProcess::spawn(std::move(request)).wait().shell_code();
    const pid_t root = code == 0 ? root_in(argv) : -1;
    const auto told = static_cast<char>(code);
    if (::write(k_told_on, &told, 1) != 1 || code != 0)
        return k_failed;
    let_go(passed);
    int root_code = 0;
    siginfo_t ended{};
    while (::waitid(P_ALL, 0, &ended, WEXITED) == 0 || errno == EINTR)
        if (ended.si_pid == root)
            root_code = ended.si_code == CLD_EXITED ? ended.si_status : k_signalled + ended.si_status;
    return root_code;
}

int wrap(const std::vector<std::string>& argv, const std::filesystem::path& keeper_file) {
    SpawnRequest request{.argv = wrapped(argv),
                         .fds = passed_on(argv),
                         .env = clean_environment({fmt::format("{}=", k_namespace_keeper)})};
    require(::unshare(CLONE_NEWPID | CLONE_NEWNS) == 0, "cannot make a pid namespace");
    // What is mounted in there stays in there; what the host mounts later is seen there too.
    require(::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) == 0, "cannot set up a mount namespace");
    Pipe told = make_pipe();
    request.fds.emplace_back(told.write_end.get(), k_told_on);
    ChildProcess keeper = ChildProcess::spawn(std::move(request));
    told.write_end.reset();
    std::ofstream(keeper_file) << keeper.pid();
    char code = k_failed;
    while (::read(told.read_end.get(), &code, 1) < 0 && errno == EINTR) {}
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

std::optional<pid_t> seen_from_here(const std::filesystem::path& keeper_file, pid_t inside) {
    std::int64_t keeper = 0;
    if (!std::filesystem::exists(keeper_file) || !parse_number(trim(read_file(keeper_file)), keeper))
        return std::nullopt;
    const std::string children = read_file(fmt::format("/proc/{0}/task/{0}/children", keeper));
    for (const std::string& word : split(trim(children), ' ')) {
        std::int64_t pid = 0;
        if (!parse_number(word, pid))
            continue;
        // "NSpid:	4711	42", from the outermost namespace inwards (proc(5)).
        for (const std::string& line : split(read_file(fmt::format("/proc/{}/status", pid)), '\n'))
            if (line.starts_with("NSpid:") && line.ends_with(fmt::format("\t{}", inside)))
                return static_cast<pid_t>(pid);
    }
    return std::nullopt;
}

} // namespace cedana::criu
