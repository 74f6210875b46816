// SPDX-License-Identifier: Apache-2.0
// What the kernel tells about processes, read from /proc or, in tests, from a folder that looks like it.
// A process may end between any two reads: absence is nullopt or an empty list, never an Error. Nothing here
// keeps a process from ending or its pid from being reused; identity.hpp does.
#pragma once

#include "cedana/base/unique_fd.hpp"
#include "cedana/model/process_memory.hpp"

#include <array>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sys/stat.h>
#include <sys/types.h>

namespace cedana {

// /proc/PID/stat, as far as it is used; see proc(5).
struct ProcessStat {
    pid_t pid = 0;
    // At most 15 bytes for programs; may hold spaces, parentheses and line feeds.
    std::string comm;
    char state = '?';
    pid_t parent = 0;
    pid_t process_group = 0;
    pid_t session = 0;
    // Device number of the controlling terminal, 0 if there is none.
    dev_t terminal = 0;
    // The process group in the foreground of that terminal; -1 if there is none.
    pid_t foreground_group = -1;
    unsigned flags = 0;
    int threads = 0;
    // Clock ticks after boot. With the pid it names one process for as long as the host runs.
    std::uint64_t start_time = 0;
    std::uint64_t resident_bytes = 0;
    // What it tells its parent when it ends (clone(2)); 0: nothing.
    int end_signal = SIGCHLD;
    // Of a zombie, as wait(2) gives it.
    int exit_status = 0;

    [[nodiscard]] bool is_kernel_thread() const noexcept;
    // Ended, but not yet collected by its parent.
    [[nodiscard]] bool is_zombie() const noexcept { return state == 'Z' || state == 'X'; }
};

// "process 4242 (name)"
[[nodiscard]] std::string described(const ProcessStat& stat);

struct Credentials {
    unsigned real = 0;
    unsigned effective = 0;
    unsigned saved = 0;
    unsigned file_system = 0;
    friend bool operator==(const Credentials&, const Credentials&) = default;
};

// /proc/PID/status, as far as it is used.
struct ProcessStatus {
    // The process that a thread id belongs to; the pid itself for a process.
    pid_t thread_group = 0;
    Credentials uid;
    Credentials gid;
    // Bit N-1 stands for signal N.
    std::uint64_t caught_signals = 0;
    std::uint64_t ignored_signals = 0;
    std::uint64_t blocked_signals = 0;
    // Of the process, and of its first thread.
    std::uint64_t pending_signals = 0;
    std::uint64_t effective_capabilities = 0;
    // 0 if nobody traces it.
    pid_t tracer = 0;
    int seccomp_mode = 0;
    ProcessMemory memory;
    // The pid in each pid namespace, this one's first.
    std::vector<pid_t> namespace_pids;
    // The session in each pid namespace, this one's first; 0 where its leader is outside.
    std::vector<pid_t> namespace_sessions;

    [[nodiscard]] bool catches(int signal) const noexcept;
    [[nodiscard]] bool ignores(int signal) const noexcept;
    [[nodiscard]] bool has_capability(int capability) const noexcept;
};

// What the kernel adds to the name of an open file that has none any more (d_path of fs/d_path.c).
inline constexpr std::string_view k_deleted = " (deleted)";

class Procfs {
  public:
    // Throws Error if the folder cannot be opened.
    explicit Procfs(std::filesystem::path root = "/proc");

    // Every process, in ascending order.
    [[nodiscard]] std::vector<pid_t> pids() const;
    [[nodiscard]] std::optional<ProcessStat> stat(pid_t pid) const;
    [[nodiscard]] std::optional<ProcessStatus> status(pid_t pid) const;
    // The arguments; empty for kernel threads and zombies.
    [[nodiscard]] std::vector<std::string> command_line(pid_t pid) const;
    // The program's file, without the kernel's " (deleted)"; absent for kernel threads and zombies.
    [[nodiscard]] std::optional<std::filesystem::path> executable(pid_t pid) const;
    // Thread ids, in ascending order.
    [[nodiscard]] std::vector<pid_t> threads(pid_t pid) const;
    // The children of all its threads, in ascending order; only of a frozen process is none left out (proc(5)). Absent
    // where the kernel does not tell (CONFIG_PROC_CHILDREN) or the process is gone.
    [[nodiscard]] std::optional<std::vector<pid_t>> children(pid_t pid) const;
    // Whether one of these numbers may be that of a process, a thread, a group or a session of this process's pid
    // namespace. False only if the kernel says so; a folder that just looks like /proc cannot be asked.
    [[nodiscard]] bool may_use(std::span<const pid_t> numbers) const;
    // The pid's parent, that one's parent and so on, nearest first.
    [[nodiscard]] std::vector<pid_t> ancestors(pid_t pid) const;

    // The content of PID/NAME. Absent if it cannot be opened or read.
    [[nodiscard]] std::optional<std::string> read(pid_t pid, const char* name) const;
    // The same of what is the whole host's: "locks".
    [[nodiscard]] std::optional<std::string> read(const char* name) const;
    // The target of the link PID/NAME as the kernel spells it: "pipe:[17]", "/tmp/a (deleted)".
    [[nodiscard]] std::optional<std::string> link(pid_t pid, const char* name) const;
    // There is such a link, and its target has more than PATH_MAX - 1 bytes: the kernel does not tell it
    // (fs/proc/base.c, do_proc_readlink).
    [[nodiscard]] bool is_link_too_long(pid_t pid, const char* name) const;
    // stat(2) of what the link PID/NAME leads to.
    [[nodiscard]] std::optional<struct ::stat> file(pid_t pid, const char* name) const;
    // The mount on which that lies, as in mountinfo. Absent where the kernel does not tell (before Linux 5.8).
    [[nodiscard]] std::optional<int> mount_of(pid_t pid, const char* name) const;
    // stat(2) of the link PID/NAME itself: its mode says for what the file is open.
    [[nodiscard]] std::optional<struct ::stat> link_itself(pid_t pid, const char* name) const;
    // The file that the link PID/NAME leads to, opened for reading; invalid if it cannot be. It is an open like any
    // other: only for what nobody can notice it of.
    [[nodiscard]] UniqueFd open(pid_t pid, const char* name) const;
    // The names in the folder PID/NAME.
    [[nodiscard]] std::vector<std::string> names(pid_t pid, const char* name) const;

  private:
    // One read(2): all of a file that is a single record (stat, cmdline), if it is shorter than the buffer.
    [[nodiscard]] std::optional<std::string_view> read_record(pid_t pid, const char* name,
                                                              std::span<char> buffer) const;

    std::filesystem::path root_;
    UniqueFd folder_;
};

// The target of a link without the " (deleted)" that the kernel adds when the name is gone.
[[nodiscard]] std::string_view without_deleted(std::string_view target);

// Parses the content of a stat or a status file; absent if it is not one.
[[nodiscard]] std::optional<ProcessStat> parse_stat(std::string_view content);
[[nodiscard]] std::optional<ProcessStatus> parse_status(std::string_view content);

} // namespace cedana
