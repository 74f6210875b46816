// SPDX-License-Identifier: Apache-2.0
// CRIU removes whatever has the path of a unix socket of the tree long before it is known whether the restore succeeds,
// also the path of a server outside that a connection of the tree came by, or that took a name which the tree's socket
// had lost (criu/sk-unix.c, unlink_sk). So a second name keeps what lies there until the end.
#pragma once

#include "cedana/base/file_id.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace cedana {

struct SocketPath {
    std::string path = {};
    // CRIU makes a socket of the tree there. Else what lies there stays there.
    bool is_made_anew = true;
};

class SocketGuard {
  public:
    // `journal`: what is kept is written there first, for finish_killed(). Paths at which nothing lies are passed over;
    // what cannot be kept is told in a warning. Throws Error.
    SocketGuard(const std::vector<SocketPath>& paths, const std::filesystem::path& journal);
    SocketGuard(const SocketGuard&) = delete;
    SocketGuard& operator=(const SocketGuard&) = delete;
    // Puts back what was there, unless commit() was called, or somebody else has the path by now.
    ~SocketGuard();

    // The tree is back: its own sockets have its paths.
    void commit() noexcept;

    // The same, of a guard whose process was killed. Throws Error.
    static void finish_killed(const std::filesystem::path& journal, bool tree_ran);

  private:
    struct Kept {
        SocketPath socket;
        // Beside it.
        std::string name;
        FileId file;
    };
    static void write(const std::filesystem::path& journal, const std::vector<Kept>& kept);
    [[nodiscard]] static std::vector<Kept> read(const std::filesystem::path& journal);
    static void finish(const Kept& kept, bool tree_runs);

    std::vector<Kept> kept_;
};

} // namespace cedana
