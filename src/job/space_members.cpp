// SPDX-License-Identifier: Apache-2.0
#include "space_members.hpp"

#include "cedana/base/child_process.hpp"
#include "cedana/base/error.hpp"
#include "cedana/process/procfs.hpp"

#include <chrono>
#include <csignal>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include <sys/wait.h>
#include <unistd.h>

namespace cedana::job {

namespace {

struct Member {
    pid_t pid;
    UniqueFd pidfd;
};

// Processes of one mount namespace see the same mounts: each of these is read once.
class MarkedSpaces {
  public:
    explicit MarkedSpaces(const std::string& mark) : words_(" " + mark + " ") {}

    // One that has ended belongs to none: its links cannot be read.
    [[nodiscard]] bool hold(pid_t pid) {
        const auto space = procfs_.link(pid, "ns/mnt");
        if (!space)
            return false;
        if (const auto known = known_.find(*space); known != known_.end())
            return known->second;
        const auto mounts = procfs_.read(pid, "mountinfo");
        return mounts && known_.emplace(*space, mounts->find(words_) != std::string::npos).first->second;
    }
    [[nodiscard]] std::vector<pid_t> all_pids() const { return procfs_.pids(); }

  private:
    Procfs procfs_;
    std::string words_;
    std::map<std::string, bool> known_;
};

std::vector<Member> members_of(const std::string& mark) {
    MarkedSpaces spaces(mark);
    std::vector<Member> members;
    for (const pid_t pid : spaces.all_pids()) {
        if (pid == ::getpid() || !spaces.hold(pid))
            continue;
        auto pidfd = open_pidfd(pid);
        // What the descriptor leads to is still one of them.
        if (pidfd && spaces.hold(pid))
            members.push_back({.pid = pid, .pidfd = std::move(*pidfd)});
    }
    return members;
}

} // namespace

std::string new_space_mark() {
    std::random_device random;
    return fmt::format("cedana-job-{:08x}{:08x}", random(), random());
}

void signal_members(const std::string& mark, int number) {
    std::set<pid_t> told;
    bool is_more = true;
    while (std::exchange(is_more, false))
        for (const Member& member : members_of(mark))
            if (told.insert(member.pid).second) {
                is_more = true;
                send_signal(member.pidfd, number);
            }
}

std::vector<pid_t> pids_of_members(const std::string& mark) {
    std::vector<pid_t> pids;
    for (const Member& member : members_of(mark))
        pids.push_back(member.pid);
    return pids;
}

void end_members(const std::string& mark) {
    // What stands starts nothing.
    signal_members(mark, SIGSTOP);
    while (true) {
        const std::vector<Member> members = members_of(mark);
        if (members.empty())
            return;
        for (const Member& member : members)
            send_signal(member.pidfd, SIGKILL);
        for (const Member& member : members)
            static_cast<void>(ends_within(member.pidfd, std::chrono::milliseconds(-1)));
        // As the first process of a container this one has what has lost its parent: its pid would stay taken.
        siginfo_t ended{};
        for (const Member& member : members)
            ::waitid(P_PIDFD, static_cast<id_t>(member.pidfd.get()), &ended, WEXITED | WNOHANG);
    }
}

} // namespace cedana::job
