// SPDX-License-Identifier: Apache-2.0
// What a container has changed of its image's files: the upper folder of the overlay that its root is (Linux,
// filesystems/overlayfs). A file of it replaces that of the image, a whiteout (a device 0:0) removes it, an opaque
// folder removes all that the image has in it.
#pragma once

#include "cedana/base/mounts.hpp"
#include "cedana/containers/folder_capture.hpp"

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace cedana::containers {

// Their names among the images; those of CRIU end otherwise.
inline constexpr const char* k_root_files = "container-rootfs.tar";
inline constexpr const char* k_root_files_since = "container-rootfs-since.tar";
inline constexpr const char* k_shm_files = "container-devshm.tar";

struct Overlay {
    std::filesystem::path upper;
    // In the container, what is mounted somewhere below its root: paths without a slash before them. What the upper
    // folder has there is nobody's.
    std::set<std::string> mounted;
};

// By the mounts of a process in the container. Absent where its root is no overlay. Pure.
[[nodiscard]] std::optional<Overlay> find_overlay(const std::vector<Mount>& mounts);

[[nodiscard]] FolderCapture capture_of(const Overlay& overlay);

// Paths as an entry of a checkpoint: each with a NUL behind it.
[[nodiscard]] std::string write_removed(const std::vector<std::string>& removed);
// Throws Error(Fault::checkpoint).
[[nodiscard]] std::vector<std::string> parse_removed(std::string_view text);

} // namespace cedana::containers
