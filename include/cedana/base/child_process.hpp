// SPDX-License-Identifier: Apache-2.0
// Starting, awaiting and ending child processes: argv only, never a shell. Nobody else uses fork, exec or the
// wait macros. A foreign process is addressed by pidfd.
#pragma once

#include "cedana/base/unique_fd.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace cedana {

class ExitStatus {
  public:
    [[nodiscard]] static ExitStatus exited(int code) { return ExitStatus(code, 0); }
    [[nodiscard]] static ExitStatus signalled(int signal) { return ExitStatus(-1, signal); }
    // The reverse of shell_code().
    [[nodiscard]] static ExitStatus of_shell_code(int code);

    [[nodiscard]] bool success() const noexcept { return signal_ == 0 && code_ == 0; }
    // Absent when a signal ended the process.
    [[nodiscard]] std::optional<int> code() const noexcept {
        return signal_ == 0 ? std::optional(code_) : std::nullopt;
    }
    [[nodiscard]] std::optional<int> signal() const noexcept {
        return signal_ != 0 ? std::optional(signal_) : std::nullopt;
    }
    // As a shell tells it: 128 and the signal, for one that a signal ended.
    [[nodiscard]] int shell_code() const noexcept { return signal_ == 0 ? code_ : 128 + signal_; }
    // "exited with status 1", "was killed by signal 9 (Killed)"
    [[nodiscard]] std::string text() const;

  private:
    ExitStatus(int code, int signal) : code_(code), signal_(signal) {}
    int code_;
    int signal_;
};

enum class Session { shared, own, own_with_terminal };

// raised: that of this process, for what belongs to cedana. It has no limit of the size of files either, as far as that
// can be lifted, and beyond it an error (EFBIG) in place of a SIGXFSZ: CRIU must not die inside of a tree, and memory
// that it puts back counts as files too. as_started: the soft limit that this process was started with, for programs
// that know nothing of it (one that uses select(2) must have no descriptor above 1,023).
enum class DescriptorLimit { raised, as_started };

struct SpawnRequest {
    std::vector<std::string> argv;
    // {descriptor here, number in the child}; 0, 1 and 2 are /dev/null unless listed. Nothing else crosses.
    std::vector<std::pair<int, int>> fds = {};
    // Empty: the folder of this process.
    std::string cwd = {};
    // Replaces the environment: "NAME=value". Absent: inherited.
    std::optional<std::vector<std::string>> env = std::nullopt;
    // own: setsid() in the child, so that no terminal signal reaches it. own_with_terminal: its standard input becomes
    // the terminal of that session.
    Session session = Session::shared;
    // Credentials to take before exec, with supplementary groups dropped to that user's group.
    std::optional<std::pair<uid_t, gid_t>> user = std::nullopt;
    // Of that user; empty: that group alone.
    std::vector<gid_t> groups = {};
    DescriptorLimit descriptor_limit = DescriptorLimit::raised;
    // Numbers in the child of namespaces (setns(2)) that it enters, one after the other, before it starts the program,
    // and closes. Its folder is the root then if one of them is of mounts.
    std::vector<int> enter = {};
    // The limit of as_started, where another process than this one was started with it.
    std::optional<std::uint64_t> descriptors_as_started = std::nullopt;
    // Between TERM and KILL when a ChildProcess is destroyed while it runs.
    std::chrono::milliseconds grace = std::chrono::seconds(2);
};

class ChildProcess {
  public:
    // The child runs with an empty signal mask and default dispositions. Throws Error when the program cannot
    // be executed; no child is left behind then.
    [[nodiscard]] static ChildProcess spawn(SpawnRequest request);

    ChildProcess(ChildProcess&&) noexcept = default;
    ChildProcess& operator=(ChildProcess&&) noexcept = default;
    // TERM, grace, KILL, reap; nothing after wait() returned or detach().
    ~ChildProcess();

    [[nodiscard]] pid_t pid() const noexcept { return pid_; }
    // Readable once the child has ended.
    [[nodiscard]] const UniqueFd& pidfd() const noexcept { return pidfd_; }
    [[nodiscard]] bool running() const noexcept { return static_cast<bool>(pidfd_); }

    // Blocks until the child has ended and reaps it.
    ExitStatus wait();
    // As wait(), but absent if the child still runs after `limit`.
    [[nodiscard]] std::optional<ExitStatus> wait_for(std::chrono::milliseconds limit);
    void signal(int number) const;
    // Lets the child live on; it is not reaped by this object any more.
    void detach() noexcept;

  private:
    ChildProcess(pid_t pid, UniqueFd pidfd, std::chrono::milliseconds grace)
        : pid_(pid), pidfd_(std::move(pidfd)), grace_(grace) {}
    ExitStatus reap();

    pid_t pid_ = -1;
    UniqueFd pidfd_;
    std::chrono::milliseconds grace_{};
};

struct Captured {
    ExitStatus status;
    std::string out;
    std::string err;
};

// Runs a program to its end and keeps the last `tail` bytes of each of its outputs. `limit`: killed after
// that, and an Error says so.
[[nodiscard]] Captured run_captured(SpawnRequest request, std::chrono::milliseconds limit,
                                    std::size_t tail = 64 * 1024);

// Runs `work` in a forked child that has taken the user's ids, and rethrows here what it threw (fault,
// message and hint cross). `work` may only touch the file system: no threads, no locks of this process.
void run_as_user(uid_t uid, gid_t gid, const std::function<void()>& work);
// As run_as_user(), and returns the text (any bytes) that `work` returned in the child.
[[nodiscard]] std::string call_as_user(uid_t uid, gid_t gid, const std::function<std::string()>& work);

// Does `work` in a forked child, which has no descriptor of this process; false if it has not ended within `limit`.
// What hangs in the kernel then, as a look at a file server that is gone, is killed and left to itself. `work` may only
// make system calls: no threads, no locks of this process.
[[nodiscard]] bool is_done_within(std::chrono::milliseconds limit, const std::function<void()>& work);

// SIGKILLs a child of this process and reaps it; nothing if it is no child. Blocks until it has ended.
void kill_child(pid_t pid);

// The children of all threads of a process, ended ones too (proc(5), task/TID/children); none if there is no such
// process. Those of this process keep their pids until it reaps them. Throws Error when it cannot look.
[[nodiscard]] std::vector<pid_t> children_of(pid_t pid);

// pidfd_open(2); absent when there is no such process. CLOEXEC.
[[nodiscard]] std::optional<UniqueFd> open_pidfd(pid_t pid);
// By which this process knows it; absent once it has been reaped, and for one that this pid namespace does not have
// (proc(5), fdinfo, "Pid").
[[nodiscard]] std::optional<pid_t> pid_of(const UniqueFd& pidfd);
// pidfd_getfd(2): a descriptor of our own of what the process has open under `fd`. Closing it leaves the process's as
// it is. Invalid, with errno, when there is none, when the process has ended or it is not permitted. CLOEXEC.
[[nodiscard]] UniqueFd copy_descriptor(const UniqueFd& pidfd, int fd);
// Whether it has ended (reaped or not) or does so within `limit`; a negative one waits for ever. Throws Error.
[[nodiscard]] bool ends_within(const UniqueFd& pidfd, std::chrono::milliseconds limit);
// pidfd_send_signal(2); false when the process has ended. Throws Error when not permitted.
bool send_signal(const UniqueFd& pidfd, int number);

} // namespace cedana
