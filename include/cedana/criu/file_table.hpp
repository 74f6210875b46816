// SPDX-License-Identifier: Apache-2.0
// What a tree had open that has a name on the host: sockets with their addresses, files with their build-IDs; from
// CRIU's files.img and remap-fpath.img (images/fdinfo.proto, sk-inet.proto, sk-unix.proto, regfile.proto,
// remap-file-path.proto).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cedana::criu {

// Of include/net/tcp_states.h, which all sockets borrow.
inline constexpr int k_state_established = 1;
inline constexpr int k_state_closed = 7;
inline constexpr int k_state_listening = 10;

struct InetEnd {
    // As they are in a sockaddr: an IPv4 address has the first of them.
    std::array<std::uint32_t, 4> address = {};
    std::uint16_t port = 0;

    bool operator==(const InetEnd&) const = default;
};

struct DumpedInet {
    // As socket(2) takes them.
    int family = 0;
    int type = 0;
    int protocol = 0;
    int state = 0;
    InetEnd local = {};
    InetEnd remote = {};
    bool only_v6 = false;
    // Of an address that is one only on its interface.
    std::string interface = {};
    // SO_BINDTODEVICE; empty: none.
    std::string device = {};
    // It had SO_REUSEADDR, or SO_REUSEPORT. CRIU binds every socket with both (criu/sk-inet.c, open_inet_sk()).
    bool reuses_address = false;
    bool reuses_port = false;
    // By which CRIU names the image of its queues.
    std::uint64_t inode = 0;

    // What CRIU brings back as a connection, of whatever state (criu/sk-inet.c, tcp_connection).
    [[nodiscard]] bool is_connection() const noexcept;
};

struct DumpedUnix {
    int type = 0;
    int state = 0;
    // Of a socket outside of the tree that one of the tree sends to.
    bool is_external = false;
    // Its name was removed: CRIU makes it for a moment.
    bool is_deleted = false;
    // As it was bound, without the NUL at a path's end; an abstract name begins with one.
    std::string name = {};
    // Where a path that is not absolute begins.
    std::string folder = {};

    [[nodiscard]] bool is_abstract() const noexcept { return name.starts_with('\0'); }
    // Empty for what has none.
    [[nodiscard]] std::string path() const;
    // CRIU binds all but accepted and connected ones (criu/sk-unix.c, bind_unix_sk).
    [[nodiscard]] bool is_bound_anew() const noexcept;
};

struct DumpedFile {
    std::string path = {};
    // With the kind of file; CRIU compares them where it has them.
    std::optional<std::uint32_t> mode = std::nullopt;
    // Filled up with zeros to whole words; empty if it has none.
    std::string build_id = {};
    bool is_external = false;
};

struct FileTable {
    std::vector<DumpedInet> inet = {};
    std::vector<DumpedUnix> unix_ones = {};
    // By its number.
    std::map<std::uint64_t, DumpedFile> files = {};
};

// A file that had lost its name.
struct Remap {
    std::uint64_t file = 0;
    // The number of the file under the name that CRIU gave it; absent if its content is in the checkpoint.
    std::optional<std::uint64_t> link = std::nullopt;
};

// Each throws Error(Fault::checkpoint) for what is no such image.
[[nodiscard]] FileTable parse_file_table(std::string_view image);
[[nodiscard]] std::vector<Remap> parse_remaps(std::string_view image);

} // namespace cedana::criu
