// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/job/reaper.hpp"
#include "cedana/job/space.hpp"

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <string>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "space_plans.hpp"

namespace cedana::job {

namespace {

int run_space(const nlohmann::json& json) {
    auto plan = json.get<SpacePlan>();
    const UniqueFd ready(plan.ready);
    if (plan.mark.empty() && ::unshare(CLONE_NEWPID) != 0)
        throw OsFailure(Fault::environment).error("cannot make a pid namespace");
    SpawnRequest role{.argv = {}, .fds = {{STDERR_FILENO, STDERR_FILENO}}, .session = Session::own};
    plan.ready = roles::pass(role, ready);
    roles::start_role(k_job_role, plan, std::move(role)).detach();
    return 0;
}

void set_soft_limit(__rlimit_resource which, std::uint64_t soft) {
    rlimit limit{};
    if (::getrlimit(which, &limit) != 0)
        return;
    limit.rlim_cur = std::min<rlim_t>(soft, limit.rlim_max);
    ::setrlimit(which, &limit);
}

ChildProcess start_program(const Program& program) {
    set_soft_limit(RLIMIT_CORE, program.limits.core);
    set_soft_limit(RLIMIT_FSIZE, program.limits.file_size);
    return ChildProcess::spawn(
        {.argv = program.argv,
         .fds = {{STDIN_FILENO, STDIN_FILENO}, {STDOUT_FILENO, STDOUT_FILENO}, {STDERR_FILENO, STDERR_FILENO}},
         .cwd = program.cwd,
         .env = program.env,
         .session = program.on_terminal[0] ? Session::own_with_terminal : Session::own,
         .user = std::pair(program.uid, program.gid),
         .groups = program.groups,
         .descriptor_limit = DescriptorLimit::as_started,
         .descriptors_as_started = program.limits.descriptors});
}

// By a link of that name, which is what the process is called then (execve(2)); a restore looks for what the link leads
// to.
[[noreturn]] void become_reaper(const std::string& name, pid_t program) {
    const std::filesystem::path link = std::filesystem::path(k_reaper_folder) / name;
    if (::symlink(k_reaper, link.c_str()) != 0 && errno != EEXIST)
        throw OsFailure(Fault::environment).error("cannot make {}", link.string());
    for (const int number : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        ::dup2(open_file("/dev/null", O_RDWR).get(), number);
    const std::string pid = std::to_string(program);
    std::string called = name;
    std::string argument = pid;
    char* const argv[] = {called.data(), argument.data(), nullptr};
    char* const env[] = {nullptr};
    ::execve(link.c_str(), argv, env);
    throw OsFailure(Fault::environment).error("cannot start the root of the tree");
}

int run_starter(const nlohmann::json& json) {
    const auto plan = json.get<StarterPlan>();
    const UniqueFd outcome(plan.outcome);
    try {
        // Kept by the program that this becomes (prctl(2)).
        if (::prctl(PR_SET_CHILD_SUBREAPER, 1UL, 0UL, 0UL, 0UL) != 0)
            throw OsFailure(Fault::environment).error("cannot become a subreaper");
        ChildProcess program = start_program(plan.program);
        const pid_t pid = program.pid();
        program.detach();
        write_all(outcome.get(), std::to_string(pid), "the outcome");
        become_reaper(plan.program.name, pid);
    } catch (const Error& error) {
        write_all(outcome.get(), fmt::format("{} {}", static_cast<int>(error.fault()), error.message()), "the outcome");
    }
    return roles::k_role_failed;
}

int run_enter(const nlohmann::json& json) {
    const auto plan = json.get<EnterPlan>();
    const UniqueFd mounts(plan.mounts);
    const UniqueFd pids(plan.pids);
    const UniqueFd outcome(plan.outcome);
    if (mounts && (::setns(mounts.get(), CLONE_NEWNS) != 0 || ::setns(pids.get(), CLONE_NEWPID) != 0))
        throw OsFailure(Fault::environment).error("cannot enter the namespaces of the job");
    ChildProcess command = ChildProcess::spawn({.argv = plan.argv, .fds = plan.fds, .cwd = plan.cwd, .env = plan.env});
    for (const auto& [fd, number] : plan.fds)
        ::close(fd);
    const int code = command.wait().shell_code();
    if (outcome)
        write_all(outcome.get(), std::to_string(code), "the outcome");
    return code;
}

} // namespace

std::vector<roles::Role> space_roles() {
    using roles::Orphans;
    // What the terminal or a manager sends to all that it sees is not for the first process of a job.
    const std::vector<int> ignored = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGPIPE};
    return {{.name = k_space_role, .ignored_signals = {}, .orphans = Orphans::left, .run = run_space},
            {.name = k_job_role, .ignored_signals = ignored, .orphans = Orphans::left, .run = run_job},
            {.name = k_starter_role, .ignored_signals = ignored, .orphans = Orphans::left, .run = run_starter},
            {.name = k_enter_role, .ignored_signals = ignored, .orphans = Orphans::left, .run = run_enter}};
}

} // namespace cedana::job
