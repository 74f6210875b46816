// SPDX-License-Identifier: Apache-2.0
// Files of /proc. Most of what is in them programs choose: names, arguments, paths.
#include "cedana/base/files.hpp"
#include "cedana/base/mounts.hpp"
#include "cedana/base/own_cgroup.hpp"
#include "cedana/base/text.hpp"
#include "cedana/process/command_words.hpp"
#include "cedana/process/inet_sockets.hpp"
#include "cedana/process/open_files.hpp"
#include "cedana/process/procfs.hpp"

#include <array>
#include <cstdio>
#include <string>

#include <fcntl.h>
#include <unistd.h>

#include "fuzz/fuzz.hpp"

namespace {

using namespace cedana;

constexpr pid_t k_pid = 42;

// A folder like /proc with one process, of which one file is the input.
class Proc {
  public:
    Proc() : folder_("/dev/shm", "proc-fuzz") {
        for (const char* name : {"", "/fd", "/fdinfo", "/map_files", "/net"})
            std::filesystem::create_directories(folder_.path() / (std::to_string(k_pid) + name));
        std::filesystem::create_symlink("/dev/null", path("fd/3"));
    }
    [[nodiscard]] std::string path(const std::string& name) const {
        return (folder_.path() / std::to_string(k_pid) / name).string();
    }
    [[nodiscard]] Procfs with(const std::string& name, std::string_view content) const {
        const UniqueFd fd = open_file(path(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
        write_all(fd.get(), content, path(name));
        return Procfs(folder_.path());
    }

  private:
    TempDir folder_;
};

// Leaves nothing behind when the fuzzer ends.
const Proc& proc() {
    static const Proc one;
    return one;
}

void read_stat(std::string_view text) { static_cast<void>(parse_stat(text)); }
void read_status(std::string_view text) {
    if (const auto status = parse_status(text))
        for (int signal = 1; signal <= 64; ++signal)
            static_cast<void>(status->catches(signal) || status->ignores(signal));
}
void read_maps(std::string_view text) { static_cast<void>(mapped_files(proc().with("maps", text), k_pid)); }
void read_fdinfo(std::string_view text) { static_cast<void>(open_files(proc().with("fdinfo/3", text), k_pid)); }
void read_tcp(std::string_view text) {
    InetSockets sockets;
    for (const InetProtocol protocol : {InetProtocol::tcp, InetProtocol::udp})
        add_inet_sockets(sockets, protocol, text);
    for (const auto& [inode, socket] : sockets)
        static_cast<void>(socket.listens() || socket.is_connection());
    std::vector<EndedConnection> ended;
    add_ended_connections(ended, text);
}
void read_target(std::string_view text) {
    static_cast<void>(inode_of(text, "socket"));
    static_cast<void>(without_deleted(text));
    static_cast<void>(printable(text));
}
void read_command_line(std::string_view text) {
    const Procfs procfs = proc().with("cmdline", text);
    static_cast<void>(command_words(procfs.command_line(k_pid)));
}
void read_mounts(std::string_view text) {
    for (const Mount& mount : parse_mounts(text))
        static_cast<void>(is_made_up(mount));
    static_cast<void>(criu::own_cgroup_places(text));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::array k_parsers = {read_stat, read_status, read_maps,         read_fdinfo,
                                      read_tcp,  read_target, read_command_line, read_mounts};
    const testing::Chosen chosen = testing::choose(data, size, k_parsers.size());
    // Nothing here may throw: a process that ends or lies is no error.
    k_parsers[chosen.parser](chosen.text);
    return 0;
}
