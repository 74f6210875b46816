// SPDX-License-Identifier: Apache-2.0
#include "cedana/roles/plans.hpp"

#include "cedana/base/error.hpp"
#include "cedana/criu/command.hpp"
#include "cedana/roles/own_root.hpp"
#include "cedana/roles/role.hpp"

#include <utility>

#include <unistd.h>

namespace cedana::roles {

CommandPlan pass_command(SpawnRequest& role, const SpawnRequest& command, std::string root) {
    CommandPlan plan{.argv = command.argv, .cwd = command.cwd, .enter = command.enter, .root = std::move(root)};
    for (const auto& [fd, number] : command.fds)
        plan.fds.emplace_back(pass(role, fd), number);
    if (command.env)
        role.env = command.env;
    return plan;
}

SpawnRequest passed_command(const CommandPlan& plan) {
    return {.argv = plan.argv, .fds = plan.fds, .cwd = plan.cwd, .enter = plan.enter};
}

void close_passed(const CommandPlan& plan) {
    for (const auto& [fd, number] : plan.fds)
        ::close(fd);
}

ChildProcess start_passed(const CommandPlan& plan) {
    const OwnRoot root(plan.root);
    ChildProcess command = ChildProcess::spawn(passed_command(plan));
    close_passed(plan);
    return command;
}

void pass_environment(SpawnRequest& role) {
    role.env.emplace();
    for (char** variable = environ; *variable != nullptr; ++variable)
        role.env->emplace_back(*variable);
}

void keep_action_program(const CommandPlan& criu) {
    static_assert(k_plan == criu::k_kept_action_program);
    const int program = fd_at(passed_command(criu), criu::k_action_program);
    if (program >= 0 && ::dup2(program, k_plan) != k_plan)
        throw OsFailure(Fault::environment).error("cannot keep the program of criu's script");
}

int fd_at(const SpawnRequest& request, int number) {
    for (const auto& [fd, taken] : request.fds)
        if (taken == number)
            return fd;
    return -1;
}

} // namespace cedana::roles
