// SPDX-License-Identifier: Apache-2.0
// What the command that restores a tree lazily and the two roles (roles/role.hpp) that fill its memory say to each
// other: the keeper, and the page server that the keeper starts. Pure.
#pragma once

#include "cedana/base/error.hpp"
#include "cedana/lazy/fill.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include <sys/types.h>

namespace cedana {

inline constexpr const char* k_keeper_role = "keeper";
inline constexpr const char* k_server_role = "pages";

// The keeper's first message to the command: it holds the userfaultfds of all tasks. White space before the JSON that
// follows.
inline constexpr std::string_view k_tree_is_held = "\n";
// The keeper's last message to the command, unless that is an Error.
inline constexpr std::string_view k_all_is_there = "{}";

struct LazyJob {
    std::string checkpoint;
    // SHA-256 of its manifest: the file may be replaced before it is opened anew.
    std::string manifest_digest;
    // The root of the tree, and what it is called. 0 of a container's, whose root is told once CRIU has made it
    // (lazy/channel.hpp).
    pid_t pid = 0;
    std::string name;
    // The container that it is the inside of, as its engine calls it; empty: of none.
    std::string container = {};
    unsigned threads = 0;
    // Where what is not in the checkpoint's file yet is asked for (lazy/supply.hpp); empty: all is there.
    std::string supply = {};
    // Where the state of the transfer is written; the keeper fills it in.
    std::string folder = {};
    friend bool operator==(const LazyJob&, const LazyJob&) = default;
    NLOHMANN_DEFINE_TYPE_INTRUSIVE(LazyJob, checkpoint, manifest_digest, pid, name, container, threads, supply, folder)
};

// Descriptors of the roles; -1: none.
struct LazyKeeperPlan {
    LazyJob job = {};
    // Where CRIU connects to.
    int listener = -1;
    // The keeper says here when the tree may run, and how the transfer ended; the command sends the root of a container
    // and, of any tree, a byte once it runs.
    int command = -1;
    // Only of an encrypted checkpoint: a pipe that holds its data key. The keeper passes it on unread, so that the key
    // is in no argument, environment or file.
    int key = -1;
    NLOHMANN_DEFINE_TYPE_INTRUSIVE(LazyKeeperPlan, job, listener, command, key)
};
struct LazyServerPlan {
    LazyJob job = {};
    // Where the keeper passes CRIU's connection over.
    int criu = -1;
    // Where the server sends each userfaultfd to the keeper.
    int channel = -1;
    int key = -1;
    // The server only holds it: if the keeper is killed, the folder is in use until the server has ended.
    int folder_lock = -1;
    NLOHMANN_DEFINE_TYPE_INTRUSIVE(LazyServerPlan, job, criu, channel, key, folder_lock)
};

[[nodiscard]] std::string to_text(const Error& error);
// Absent for anything else.
[[nodiscard]] std::optional<Error> parse_error(std::string_view text);

} // namespace cedana
