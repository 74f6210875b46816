// SPDX-License-Identifier: Apache-2.0
#include "cedana/roles/pid_namespace.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/criu/restore.hpp"
#include "cedana/process/next_pids.hpp"
#include "cedana/roles/plans.hpp"
#include "cedana/roles/tree_pids.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

namespace cedana::roles {

namespace {

constexpr const char* k_pidns = "pidns";
constexpr const char* k_init = "init";
// As a shell tells it.
constexpr int k_signalled = 128;

void require(bool done, const char* what) {
    if (done)
        return;
    throw OsFailure(Fault::environment).error("{}", what);
}

// What init tells of CRIU: its exit code, and the pid that the root has inside.
struct InsideWord {
    int code = k_role_failed;
    pid_t root = 0;
};

void read_whole(int pipe, InsideWord& word) {
    InsideWord read;
    ssize_t count = 0;
    do
        count = ::read(pipe, &read, sizeof read);
    while (count < 0 && errno == EINTR);
    if (count == sizeof read)
        word = read;
}

// Waits until the tree was read from outside. Init reaps nothing before that: an ended process can still be read.
void await_look(const UniqueFd& seen) {
    char none = 0;
    while (::read(seen.get(), &none, 1) < 0 && errno == EINTR) {}
}

// Nobody may read any more; SIGPIPE, whose action is not set here, does not reach pid 1 (pid_namespaces(7)).
void tell_of_stop(const UniqueFd& stops) {
    const char any = 0;
    while (stops && ::write(stops.get(), &any, 1) < 0 && errno == EINTR) {}
}

int reap_all(pid_t root, const UniqueFd& stops) {
    int root_code = 0;
    siginfo_t child{};
    while (::waitid(P_ALL, 0, &child, WEXITED | WSTOPPED) == 0 || errno == EINTR) {
        if (child.si_pid != root)
            continue;
        if (child.si_code == CLD_STOPPED)
            tell_of_stop(stops);
        else
            root_code = child.si_code == CLD_EXITED ? child.si_status : k_signalled + child.si_status;
    }
    return root_code;
}

int run_init(const nlohmann::json& json) {
    const auto plan = json.get<InitPlan>();
    UniqueFd held(plan.held);
    UniqueFd outcome(plan.outcome);
    UniqueFd seen(plan.seen);
    const UniqueFd stops(plan.stops);
    // What is mounted in here stays in here; what the host mounts later is seen here too.
    require(::unshare(CLONE_NEWNS) == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) == 0,
            "cannot make a mount namespace");
    // Processes in here must see their own numbers.
    require(::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) == 0, "cannot mount /proc");
    keep_numbers_clear(plan.numbers);
    keep_action_program(plan.criu);
    InsideWord word{.code = start_passed(plan.criu).wait().shell_code()};
    if (word.code == 0)
        word.root = criu::restored_pid(plan.pid_file);
    held.reset();
    if (::write(outcome.get(), &word, sizeof word) != sizeof word || word.code != 0)
        return k_role_failed;
    outcome.reset();
    await_look(seen);
    seen.reset();
    close_log();
    return reap_all(word.root, stops);
}

// From /proc/PID/status, "NSpid:	4711	42": from the namespace of the reader inwards (proc(5)).
bool has_inside(pid_t pid, pid_t inside) {
    std::ifstream status(fmt::format("/proc/{}/status", pid));
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("NSpid:"))
            return (line + '\t').find(fmt::format("\t{}\t{}\t", pid, inside)) != std::string::npos;
    return false;
}

// As they are seen from here. Init stands for a tree whose root CRIU has reaped itself.
TreePids pids_outside(pid_t init, pid_t root_inside) {
    const std::vector<pid_t> pids = children_of(init);
    const auto root = std::ranges::find_if(pids, [&](pid_t pid) { return has_inside(pid, root_inside); });
    return {.root = root == pids.end() ? init : *root, .child = init};
}

int run_pidns(const nlohmann::json& json) {
    const auto plan = json.get<NamespacePlan>();
    const UniqueFd to_parent(plan.outcome);
    UniqueFd held(plan.held);
    const UniqueFd stops(plan.stops);
    require(::unshare(CLONE_NEWPID) == 0, "cannot make a pid namespace");
    Pipe of_init = make_pipe();
    Pipe seen = make_pipe();
    SpawnRequest role{.argv = {}, .fds = {{STDERR_FILENO, STDERR_FILENO}}};
    pass_environment(role);
    const CommandPlan criu = pass_command(role, passed_command(plan.criu), plan.criu.root);
    const InitPlan inside{.criu = criu,
                          .held = pass(role, held),
                          .outcome = pass(role, of_init.write_end),
                          .seen = pass(role, seen.read_end),
                          .stops = pass(role, stops),
                          .pid_file = plan.pid_file,
                          .numbers = plan.numbers};
    ChildProcess init = start_role(k_init, inside, std::move(role));
    close_passed(plan.criu);
    held.reset();
    of_init.write_end.reset();
    seen.read_end.reset();
    InsideWord word;
    read_whole(of_init.read_end.get(), word);
    if (word.code == 0)
        write_pids(to_parent.get(), pids_outside(init.pid(), word.root));
    init.detach();
    return word.code;
}

} // namespace

RoleCommand in_new_pid_namespace(const NewPidNamespace& request) {
    const SpawnRequest& criu = request.criu;
    SpawnRequest role{.argv = {}, .fds = {{fd_at(criu, STDERR_FILENO), STDERR_FILENO}}, .session = criu.session};
    CommandPlan command = pass_command(role, criu, request.root);
    if (request.input == Input::own) {
        role.fds.emplace_back(-1, STDIN_FILENO);
        command.fds.emplace_back(STDIN_FILENO, STDIN_FILENO);
    }
    const NamespacePlan plan{.criu = std::move(command),
                             .held = pass(role, request.held),
                             .outcome = pass(role, request.tree_pids),
                             .stops = pass(role, request.stops),
                             .pid_file = request.pid_file.string(),
                             .numbers = request.numbers};
    return role_command(k_pidns, plan, std::move(role));
}

Role pidns() { return {.name = k_pidns, .ignored_signals = {}, .orphans = Orphans::left, .run = run_pidns}; }

Role init() { return {.name = k_init, .ignored_signals = {}, .orphans = Orphans::left, .run = run_init}; }

} // namespace cedana::roles
