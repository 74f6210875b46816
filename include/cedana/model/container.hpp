// SPDX-License-Identifier: Apache-2.0
// What a checkpoint says of the container that its tree was the inside of. Data only.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace cedana {

// Where the source of a mount comes from: a path of the host that its user named, a named volume, or the engine, which
// makes it anew by itself (hosts, resolv.conf, /dev/shm).
enum class MountSource { host, volume, engine };

struct ContainerMount {
    // In the container.
    std::string destination;
    MountSource kind = MountSource::engine;
    // Of a volume its name.
    std::string source = {};
    bool is_folder = false;
    bool read_only = false;
    // Of a volume that is in the checkpoint: how the names of its archives begin.
    std::string content = {};
    friend bool operator==(const ContainerMount&, const ContainerMount&) = default;
};

// A file of podman run --secret, where no other place was given for it.
[[nodiscard]] inline bool is_secret(const ContainerMount& mount) {
    return mount.kind == MountSource::engine && mount.destination.starts_with("/run/secrets/");
}

// Which volumes go into a checkpoint, and what becomes at a restore of those that are there.
enum class DumpedVolumes { none, named };
enum class ExistingVolumes { keep, overwrite };

struct ContainerNetwork {
    std::string name;
    // As the engine says them; empty where it does not.
    std::string address = {};
    std::string hardware_address = {};
    friend bool operator==(const ContainerNetwork&, const ContainerNetwork&) = default;
};

// As engines show an id that they have given; one that its user has chosen (runc's, containerd's) whole.
[[nodiscard]] inline std::string short_id(std::string_view id) {
    constexpr std::size_t k_digits = 64;
    constexpr std::size_t k_shown = 12;
    const bool is_given = id.size() == k_digits && std::ranges::all_of(id, [](char digit) {
                              return (digit >= '0' && digit <= '9') || (digit >= 'a' && digit <= 'f');
                          });
    return std::string(is_given ? id.substr(0, k_shown) : id);
}

struct ContainerRecord {
    // "podman"
    std::string engine;
    std::string engine_version = {};
    // "runc"
    std::string runtime = {};
    std::string id;
    std::string name;
    // As it was named when the container was made, and what it was then; empty for one without an image.
    std::string image = {};
    std::string image_id = {};
    std::string restart_policy = {};
    // The engine removes it when it ends.
    bool removed_at_end = false;
    bool has_terminal = false;
    std::vector<ContainerMount> mounts = {};
    std::vector<ContainerNetwork> networks = {};
    // What was running in it and is not in the checkpoint, as whoever started it by exec: "process 42 (sh)".
    std::vector<std::string> left_out = {};
    friend bool operator==(const ContainerRecord&, const ContainerRecord&) = default;
};

// In the archive, behind the name of what the engine says.
inline constexpr const char* k_container_folder = "container/";

} // namespace cedana
