// SPDX-License-Identifier: Apache-2.0
// Where a job runs: a pid and a mount namespace of its own, in which its pids are free wherever it comes back, with a
// /proc and a folder for cedana's work of its own. Its first process is the role `job`, which starts the tree, reaps,
// keeps how the tree ended, holds the far ends of its output and both of its terminal, and lets it live only as long as
// it hears of the job's lease. It hears of that by a socket in the job's place, by which it is found again when a
// supervisor was killed.
//
// Dumps and restores run in there as commands of their own (the role `enter`).
//
// A space can have the pids of its host instead, where there is no other way. What belongs to it is told by its mounts
// then (space_members.hpp); its first process adopts what loses its parent, and starts the dumps and restores, so that
// what comes back is its child. Nothing ends the tree if the first process and the supervisor are killed both: the next
// supervisor on this host does.
#pragma once

#include "cedana/base/child_process.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/job/program.hpp"
#include "cedana/roles/role.hpp"

#include <chrono>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace cedana::job {

// Without a lease: how long a tree lives without a supervisor.
inline constexpr std::chrono::seconds k_orphan_limit{10};

enum class SpacePids { own, of_host };

struct SpaceRequest {
    // A folder of this job's on this host: the socket, and what cedana leaves in the space (/run/cedana in there).
    std::filesystem::path place = {};
    // The pids of the checkpoint that comes back in there.
    std::set<pid_t> numbers = {};
    // Zero: there is none.
    std::chrono::milliseconds lease{};
    // It has a terminal, which is that user's.
    std::optional<uid_t> terminal_of = std::nullopt;
    SpacePids pids = SpacePids::own;
};

// What the first process of a space knows of its tree; numbers are those in there.
struct SpaceWord {
    pid_t root = 0;
    pid_t program = 0;
    std::optional<ProgramEnd> ended = std::nullopt;
    // Why the program could not be started, and the fault of that.
    std::string failed = {};
    int fault = 0;
};

// A command in a space, which ends with that.
class SpaceCommand {
  public:
    explicit SpaceCommand(ChildProcess child) : child_(std::move(child)) {}
    // `outcome`: whoever has started it writes its exit code there.
    explicit SpaceCommand(UniqueFd outcome) : outcome_(std::move(outcome)) {}

    // Its exit code, as a shell tells it; waits for its end. Throws Error.
    [[nodiscard]] int wait();

  private:
    std::optional<ChildProcess> child_;
    UniqueFd outcome_;
};

class Space {
  public:
    // Throws Error(Fault::environment).
    [[nodiscard]] static Space make(const SpaceRequest& request);
    // One that lives, of a supervisor that is gone; absent if there is none. What one with the host's pids has left
    // whose first process was killed is ended. Throws Error.
    [[nodiscard]] static std::optional<Space> find(const std::filesystem::path& place);

    Space(Space&&) noexcept = default;
    Space& operator=(Space&&) noexcept = default;
    // It lives on.
    ~Space() = default;

    // Its first process, as it is seen from here, and by what its end is awaited.
    [[nodiscard]] pid_t init() const noexcept { return init_; }
    [[nodiscard]] SpacePids pids() const noexcept { return mark_.empty() ? SpacePids::own : SpacePids::of_host; }
    [[nodiscard]] const UniqueFd& pidfd() const noexcept { return pidfd_; }
    // Its first process has ended, or waits in its end for one that hangs in the kernel (a file server does not
    // answer): it has no namespaces any more then.
    [[nodiscard]] bool is_ending() const;
    // All processes in there, as they are seen from here.
    [[nodiscard]] std::vector<pid_t> members() const;
    // Readable when there is a word, or when it has ended.
    [[nodiscard]] int words() const noexcept { return socket_.get(); }
    // What it says has changed; false once it has ended.
    [[nodiscard]] bool read(SpaceWord& word);

    // The far ends of the tree's output and error output.
    [[nodiscard]] const UniqueFd& output() const noexcept { return output_; }
    [[nodiscard]] const UniqueFd& error_output() const noexcept { return error_; }
    // Of its terminal; invalid if it has none.
    [[nodiscard]] const UniqueFd& terminal() const noexcept { return terminal_; }

    // A word tells how it went.
    void start(const Program& program);
    // The tree is back; pids are those in there.
    void begin(pid_t root, pid_t program);
    // To the program; nothing if it has ended.
    void signal(int number);
    // The lease was renewed.
    void renew();
    // Ends all in there at once, and returns when it has ended. Throws Error.
    void end();

    // A command in there; its descriptors beside the standard ones that `request` names are the near ends of the tree's
    // input (its terminal, if it has one) and output if it `restores`: 5 to 7. Throws Error.
    enum class Ends { left_out, given };
    [[nodiscard]] SpaceCommand run(SpawnRequest request, Ends ends);
    static constexpr int k_given_ends = 5;

  private:
    Space() = default;
    void send(const nlohmann::json& word);
    void take_ends();
    [[nodiscard]] SpaceCommand enter(const SpawnRequest& request) const;
    [[nodiscard]] SpaceCommand have_run(const SpawnRequest& request);

    // Of its processes, if it has the pids of its host; else empty.
    std::string mark_;
    std::filesystem::path place_;
    pid_t init_ = 0;
    UniqueFd pidfd_;
    UniqueFd socket_;
    UniqueFd output_;
    UniqueFd error_;
    UniqueFd near_output_;
    UniqueFd near_error_;
    UniqueFd terminal_;
    UniqueFd near_terminal_;
    std::string pending_;
};

// space: makes the namespace. job: its first process. starter: becomes the tree's root. enter: a command in there.
[[nodiscard]] std::vector<roles::Role> space_roles();

} // namespace cedana::job
