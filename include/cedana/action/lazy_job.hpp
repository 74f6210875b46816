// SPDX-License-Identifier: Apache-2.0
// What is told between the command that restores a tree lazily and the processes that fill its memory afterwards, as
// JSON: they are cedana too, started anew. Pure.
#pragma once

#include "cedana/base/error.hpp"
#include "cedana/criu/lazy_fill.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

namespace cedana {

// The environment variables that make main() the keeper or the server; what they hold is a LazyJob.
inline constexpr const char* k_lazy_keeper = "CEDANA_LAZY_KEEPER";
inline constexpr const char* k_lazy_server = "CEDANA_LAZY_SERVER";

// The keeper's: where CRIU connects to.
inline constexpr int k_lazy_listener = 3;
// The keeper's: the command hears when the tree may run, says a byte once it does, and hears how the transfer ended.
inline constexpr int k_lazy_command = 4;
// What the command hears first: the userfaultfds of all tasks are held. White space to whoever reads what follows.
inline constexpr std::string_view k_tree_is_held = "\n";
// What the command hears at last, or else an Error.
inline constexpr std::string_view k_all_is_there = "{}";
// Only of an encrypted checkpoint: a pipe that holds its data key. The keeper passes it on unread, so that the key is
// in no argument, environment or file.
inline constexpr int k_lazy_key = 6;
// The server's: where the keeper passes CRIU's connection over.
inline constexpr int k_lazy_criu = 3;
// The server's: where the keeper hears of each userfaultfd.
inline constexpr int k_lazy_channel = 4;
// Only held: should the keeper be killed, the folder is in use until the server has ended.
inline constexpr int k_lazy_folder_lock = 5;

struct LazyJob {
    std::string checkpoint;
    // SHA-256 of its manifest: the file may be replaced before it is opened anew.
    std::string manifest_digest;
    // The root of the tree, and what it is called.
    pid_t pid = 0;
    std::string name;
    unsigned threads = 0;
    // Whether k_lazy_key is there.
    bool encrypted = false;
    // Where the state of the transfer is written; the keeper fills it in.
    std::string folder = {};
};

[[nodiscard]] std::string to_text(const LazyJob& job);
[[nodiscard]] LazyJob parse_lazy_job(std::string_view text);

[[nodiscard]] std::string to_text(const Error& error);
// Absent for anything else.
[[nodiscard]] std::optional<Error> parse_error(std::string_view text);

} // namespace cedana
