// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/diagnose.hpp"

#include "cedana/base/text.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include <spdlog/fmt/fmt.h>

namespace cedana::criu {

namespace {

struct Known {
    std::string_view text;
    std::string_view cause;
    std::string_view hint;
};

// Texts of CRIU 4.x; where each stands in its source is in criu.md.
constexpr auto k_known = std::to_array<Known>({
    {"not a session leader", "it was started from a shell and its session leader is outside of the tree",
     "pass --criu-arg=--shell-job"},
    {"Found dangling tty", "it uses a terminal whose other end is outside of the tree", "pass --criu-arg=--shell-job"},
    {"without correspond master peer", "it uses a terminal whose master is outside of the tree",
     "pass --criu-arg=--shell-job"},
    {"Don't have tty to inherit session from", "it needs a terminal, and standard input is none",
     "restore it from a terminal"},
    {"Can't fork for", "a pid of the tree is taken (by a live process, or by a zombie that was not reaped yet)",
     "end the process that has the pid, or wait until its parent has reaped it"},
    {"do not match expected", "a pid of the tree was taken during the restore", "try again"},
    {"has bad size", "a file that the tree had open has another size now", "put the file back to its size at the dump"},
    {"has bad mode", "a file that the tree had open has another mode now", "chmod it back to the mode at the dump"},
    {"has bad build-ID", "a program or library is not the one that was dumped",
     "install the version that was there at the dump"},
    {"Can't open file", "a file that the tree had open is not there",
     "put the file back, or restore on a host that has it"},
    {"Can't open exe link", "the program is not there", "install the program that was dumped"},
    {"Connected TCP socket", "it has an established TCP connection", "pass --criu-arg=--tcp-established"},
    {"Iptables configuration failed", "CRIU could not block its TCP connections: there is no iptables",
     "install iptables, or a CRIU that was built with nftables (scripts/install-criu)"},
    {"In-flight connection", "a TCP connection is just being made", "try again, or pass --criu-arg=--skip-in-flight"},
    {"Need to set the --tcp-close options", "it was dumped with --tcp-close", "pass --criu-arg=--tcp-close"},
    {"External socket is used", "it has a unix socket whose peer is outside of the tree",
     "pass --criu-arg=--ext-unix-sk"},
    {"Can't dump half of stream unix connection", "it is connected to a unix socket of a process outside of the tree",
     "close that connection first (for example on SIGUSR1, client.signal_process_pre_dump)"},
    {"Some file locks are hold", "it holds file locks", "pass --criu-arg=--file-locks"},
    {"Can't dump ghost file", "it has a deleted file open that is larger than the limit",
     "pass --criu-arg=--ghost-limit and --criu-arg=SIZE"},
    {"Can't create link remap", "it has a file open whose name was removed while other names are left",
     "pass --criu-arg=--link-remap"},
    {"Can't lookup mount", "it has a file open that lies outside of its mount namespace",
     "start it with all descriptors but 0, 1 and 2 closed"},
    {"have a proper root mount", "it has a bind mount from outside of its mount namespace", ""},
    {"unreachable sharing", "one of its mounts is shared with one that is out of reach", ""},
    {"The criu itself is within dumped tree", "cedana was started by the process that is to be dumped",
     "start cedana from another shell"},
    {"Unseizable non-zombie", "it cannot be stopped: another program traces it, or it is stuck in the kernel",
     "end the debugger or strace that is attached to it"},
    {"Unable to interrupt task", "it cannot be stopped", "end the debugger or strace that is attached to it"},
    {"CAP_SYS_ADMIN", "CRIU lacks privileges", "run cedana with sudo"},
    {"Timeout reached", "it did not stop within CRIU's time limit", "try again, or pass --criu-arg=--timeout=60"},
    {"Unable to freeze cgroup", "its cgroup could not be frozen in time", "try again"},
    {"anon_inode:[io_uring]", "it has an io_uring instance open, which CRIU cannot dump",
     "switch io_uring off in the program (for node: UV_USE_IO_URING=0)"},
    {"of that type", "it has a file open of a kind that CRIU cannot dump", ""},
    {"Can't handle non-regular mapping", "it maps a device, which CRIU cannot dump", ""},
    {"CPU xsave size mismatch", "this CPU is not the one that it was dumped on",
     "restore on a host with the same kind of CPU"},
    {"CPU xfeatures has unsupported bits", "this CPU lacks features that the tree uses",
     "restore on a host with the same kind of CPU"},
    {"FPU feature required by image", "this CPU lacks features that the tree uses",
     "restore on a host with the same kind of CPU"},
    {"kernel lacks get_rseq_conf", "the kernel is too old for a program that uses rseq",
     "start the program with GLIBC_TUNABLES=glibc.pthread.rseq=0"},
    {"Unsupported proto", "it has a socket of a protocol that CRIU cannot dump",
     "for Go programs: start it with GODEBUG=multipathtcp=0"},
    {"outside of its pid namespace", "its session leader is outside of its pid namespace",
     "start it with setsid inside of the container"},
    {"live in IPC ns", "it uses System V shared memory of the host", "start it in an ipc namespace of its own"},
    {"only be restored in a new pid namespace", "it was dumped as pid 1 of a pid namespace", ""},
    {"Can't get rlimit", "it runs as another user, and this host does not give root CAP_SYS_RESOURCE",
     "run the program as root, or use a host that grants CAP_SYS_RESOURCE"},
    {"Can't get 1:16 opt", "this CRIU is too old for the kernel: it cannot dump sockets on Linux 6.16 and later",
     "run scripts/install-criu"},
    {"Unexpected rt vDSO area bounds", "this CRIU is too old for the kernel", "run scripts/install-criu"},
    {"Reached EOF unexpectedly", "an image ended too early", ""},
});

// Lines of every log, or of every failed one; none of them is a cause.
constexpr auto k_noise = std::to_array<std::string_view>({
    "rlimit: Can't setup RLIMIT_NOFILE",
    "Dumping FAILED",
    "Restoring FAILED",
    "failed with -1",
    "Unable to open fd=",
    "cgroupd: recv req error",
    "Unable to detach from",
    "exited, status=",
});

// "(00.012345) 4242: Error (criu/tty.c:1830): text" → "text"
std::optional<std::string_view> error_text(std::string_view line) {
    const std::size_t start = line.find("Error (");
    if (start == std::string_view::npos)
        return std::nullopt;
    const std::size_t end = line.find("): ", start);
    return end == std::string_view::npos ? line.substr(start) : line.substr(end + 3);
}

} // namespace

std::vector<std::string> telling_lines(std::string_view log) {
    std::vector<std::string> lines;
    for (const std::string& line : split(log, '\n')) {
        const auto text = error_text(line);
        const auto is_in = [&](std::string_view noise) { return text->find(noise) != std::string_view::npos; };
        if (text && std::ranges::none_of(k_noise, is_in))
            lines.emplace_back(*text);
    }
    return lines;
}

Diagnosis diagnose(std::string_view log) {
    constexpr std::size_t k_shown = 3;
    const std::vector<std::string> lines = telling_lines(log);
    for (const std::string& line : lines)
        for (const Known& known : k_known)
            if (line.find(known.text) != std::string::npos)
                return {.cause = fmt::format("{} (criu: \"{}\")", known.cause, printable(line)),
                        .hint = std::string(known.hint)};
    Diagnosis unknown;
    for (std::size_t i = 0; i < std::min(lines.size(), k_shown); ++i)
        unknown.cause += fmt::format("{}criu: \"{}\"", i == 0 ? "" : "; ", printable(lines[i]));
    return unknown;
}

} // namespace cedana::criu
