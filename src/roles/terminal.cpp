// SPDX-License-Identifier: Apache-2.0
#include "cedana/roles/terminal.hpp"

#include "cedana/base/error.hpp"
#include "cedana/roles/plans.hpp"

#include <algorithm>
#include <utility>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace cedana::roles {

namespace {

UniqueFd open_master() {
    UniqueFd master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
    if (!master || ::grantpt(master.get()) != 0 || ::unlockpt(master.get()) != 0)
        throw OsFailure(Fault::environment).error("cannot make a pseudo-terminal");
    return master;
}

// The kernel gives the lowest number that is free.
unsigned number_of(const UniqueFd& master) {
    unsigned number = 0;
    ::ioctl(master.get(), TIOCGPTN, &number);
    return number;
}

} // namespace

UniqueFd open_master_of(unsigned number) {
    std::vector<UniqueFd> lower;
    while (true) {
        UniqueFd master = open_master();
        const unsigned given = number_of(master);
        if (given == number)
            return master;
        if (given > number)
            return {};
        lower.push_back(std::move(master));
    }
}

UniqueFd open_master_beside(const std::vector<unsigned>& reserved) {
    std::vector<UniqueFd> unusable;
    while (true) {
        UniqueFd master = open_master();
        if (std::ranges::count(reserved, number_of(master)) == 0)
            return master;
        unusable.push_back(std::move(master));
    }
}

KeptCriu start_on_new_terminal(TerminalRequest request) {
    const UniqueFd master = open_master_beside(request.reserved);
    Pipe outcome = make_pipe();
    SpawnRequest role{
        .argv = {}, .fds = {{fd_at(request.criu, STDERR_FILENO), STDERR_FILENO}}, .session = Session::own};
    const PassedCopies passed = pass_copies(role, request.copies);
    const CommandPlan criu = pass_command(role, request.criu, request.root);
    const TerminalPlan plan{.criu = criu,
                            .log = request.log.string(),
                            .held = pass(role, request.held),
                            .copies = passed.copies,
                            .feeds = passed.feeds,
                            .master = pass(role, master),
                            .output = pass(role, request.output),
                            .output_is_terminal = request.output_is_terminal,
                            .outcome = pass(role, outcome.write_end),
                            .tree = pass(role, request.tree),
                            .pid_file = request.pid_file.string()};
    return {.terminal = start_role("terminal", plan, std::move(role)), .outcome = std::move(outcome.read_end)};
}

} // namespace cedana::roles
