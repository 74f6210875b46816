// SPDX-License-Identifier: Apache-2.0
// What leads out of a tree at one end and is held in it at the other: pipes to other processes, streams to the journal,
// and terminals whose master somebody else has. A restore must join them to something new.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace cedana {

struct Descriptor {
    pid_t pid = 0;
    int fd = -1;
    friend bool operator==(const Descriptor&, const Descriptor&) = default;
};

enum class PipeEnd { read, write };

// A pipe of which the tree holds one end only, and somebody outside the other.
struct ExternalPipe {
    std::uint64_t inode = 0;
    PipeEnd end = PipeEnd::read;
    std::vector<Descriptor> descriptors = {};
    friend bool operator==(const ExternalPipe&, const ExternalPipe&) = default;
};

// A stream to the journal of systemd, as the standard output and error of nearly every unit are.
struct JournalStream {
    // Of the socket in the tree.
    std::uint64_t inode = 0;
    // "nginx.service"; empty if it is not known.
    std::string unit = {};
    // By which the journal names its lines.
    std::string identifier = {};
    // Of a journal beside that of the host (LogNamespace=, systemd.exec(5)); empty: that one.
    std::string log_namespace = {};
    friend bool operator==(const JournalStream&, const JournalStream&) = default;
};

// What CRIU calls it at a dump (criu/sk-unix.c, unix_sk_exception_lookup_id).
[[nodiscard]] inline std::string external_id(const JournalStream& stream) {
    return "unix[" + std::to_string(stream.inode) + "]";
}

// Where the journal of the host listens for them.
inline constexpr const char* k_journal_socket = "/run/systemd/journal/stdout";
// Where the one of a namespace does (systemd-journald.service(8)).
[[nodiscard]] std::string journal_socket(std::string_view log_namespace);
// Which namespace has this socket, empty for that of the host; absent of any other socket.
[[nodiscard]] std::optional<std::string> log_namespace_of(std::string_view socket);

// A terminal whose other side (the emulator, the ssh connection, tmux) is not in the tree.
struct ExternalTerminal {
    // "/dev/pts/3"
    std::string path = {};
    // Empty if it is only the controlling terminal.
    std::vector<Descriptor> descriptors = {};
    friend bool operator==(const ExternalTerminal&, const ExternalTerminal&) = default;
};

} // namespace cedana
