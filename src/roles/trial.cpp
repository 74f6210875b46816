// SPDX-License-Identifier: Apache-2.0
#include "cedana/roles/trial.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/criu/command.hpp"
#include "cedana/process/next_pids.hpp"
#include "cedana/roles/plans.hpp"
#include "cedana/roles/terminal.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

namespace cedana::roles {

namespace {

constexpr const char* k_trial = "trial";

void need(bool done, const char* what) {
    if (!done)
        throw OsFailure(Fault::environment).error("{}", what);
}

void write_at_once(const std::string& path, std::string_view text) {
    const UniqueFd file = open_file(path, O_WRONLY);
    write_all(file.get(), text, path);
}

// Nothing of this may be where the host's own processes are.
void make_namespaces() {
    need(::unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC) == 0, "cannot make namespaces for a trial");
    need(::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) == 0, "cannot make a mount namespace");
    need(::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) == 0, "cannot mount /proc");
}

void start_loopback() {
    const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    request.ifr_name[0] = 'l';
    request.ifr_name[1] = 'o';
    need(socket && ::ioctl(socket.get(), SIOCGIFFLAGS, &request) == 0, "cannot look at the loopback device");
    request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
    need(::ioctl(socket.get(), SIOCSIFFLAGS, &request) == 0, "cannot start the loopback device");
}

// The host's addresses are not here, and whether they are there is not what is tried (ip(7), ip_nonlocal_bind).
void allow_any_address() {
    for (const char* const family : {"ipv4", "ipv6"}) {
        const std::string path = fmt::format("/proc/sys/net/{}/ip_nonlocal_bind", family);
        if (::access(path.c_str(), W_OK) == 0)
            write_at_once(path, "1");
    }
}

// So that the numbers that the tree has are free: CRIU opens terminals until it gets the right one (criu/tty.c).
void make_terminals() {
    need(::mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620") == 0,
         "cannot mount /dev/pts for a trial");
}

void put_in_place(const std::vector<std::pair<std::string, std::string>>& stand_ins) {
    for (const auto& [file, path] : stand_ins)
        if (::mount(file.c_str(), path.c_str(), nullptr, MS_BIND, nullptr) != 0)
            throw OsFailure(Fault::environment).error("cannot put another file in the place of {}", path);
}

struct OwnTerminalPair {
    UniqueFd master;
    UniqueFd slave;
};

OwnTerminalPair open_terminal(const std::vector<unsigned>& reserved) {
    OwnTerminalPair pair;
    pair.master = open_master_beside(reserved);
    pair.slave = UniqueFd(::ioctl(pair.master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
    need(static_cast<bool>(pair.slave), "cannot open a terminal for a trial");
    // It leads the session already if it was started with one.
    ::setsid();
    need(::ioctl(pair.slave.get(), TIOCSCTTY, 0) == 0, "cannot take a terminal for a trial");
    return pair;
}

// Whoever tries must not be gone, or nobody would take the tree away.
ExitStatus await_criu(ChildProcess criu, int alive) {
    std::array<pollfd, 2> set = {
        {{.fd = criu.pidfd().get(), .events = POLLIN, .revents = 0}, {.fd = alive, .events = 0, .revents = 0}}};
    while (::poll(set.data(), set.size(), -1) < 0 && errno == EINTR) {}
    if (set[0].revents != 0)
        return criu.wait();
    criu.detach();
    return ExitStatus::exited(k_role_failed);
}

// When this returns the kernel ends all others in here.
int run_inside(const TrialPlan& plan) {
    make_namespaces();
    start_loopback();
    allow_any_address();
    if (plan.terminal || !plan.own_terminals.empty())
        make_terminals();
    put_in_place(plan.stand_ins);
    keep_numbers_clear(plan.numbers);
    keep_action_program(plan.criu);
    SpawnRequest request = passed_command(plan.criu);
    OwnTerminalPair terminal;
    if (plan.terminal) {
        terminal = open_terminal(plan.own_terminals);
        request.fds.emplace_back(terminal.slave.get(), STDIN_FILENO);
    }
    ChildProcess criu = ChildProcess::spawn(std::move(request));
    close_passed(plan.criu);
    return await_criu(std::move(criu), plan.alive).shell_code();
}

int run_outside(const TrialPlan& plan) {
    for (const std::string& group : plan.cgroups)
        write_at_once(group, "0");
    need(::unshare(CLONE_NEWPID) == 0, "cannot make a pid namespace");
    SpawnRequest role{.argv = {}, .fds = {{STDERR_FILENO, STDERR_FILENO}}, .session = Session::own};
    pass_environment(role);
    TrialPlan inside = plan;
    inside.inside = true;
    inside.criu = pass_command(role, passed_command(plan.criu));
    inside.held = pass(role, plan.held);
    inside.alive = pass(role, plan.alive);
    ChildProcess init = start_role(k_trial, inside, std::move(role));
    close_passed(plan.criu);
    ::close(plan.held);
    ::close(plan.alive);
    return init.wait().shell_code();
}

int run_trial(const nlohmann::json& json) {
    const auto plan = json.get<TrialPlan>();
    return plan.inside ? run_inside(plan) : run_outside(plan);
}

} // namespace

ChildProcess start_trial(const SpawnRequest& criu, const TrialPlace& place, int held, const UniqueFd& alive) {
    SpawnRequest role{.argv = {}, .fds = {{fd_at(criu, STDERR_FILENO), STDERR_FILENO}}, .session = Session::own};
    TrialPlan plan{.criu = pass_command(role, criu),
                   .held = pass(role, held),
                   .alive = pass(role, alive),
                   .stand_ins = place.stand_ins,
                   .terminal = place.terminal,
                   .own_terminals = place.own_terminals,
                   .numbers = place.numbers};
    for (const std::filesystem::path& group : place.cgroups)
        plan.cgroups.push_back(group.string());
    return start_role(k_trial, plan, std::move(role));
}

Role trial() { return {.name = k_trial, .ignored_signals = {}, .orphans = Orphans::left, .run = run_trial}; }

} // namespace cedana::roles
