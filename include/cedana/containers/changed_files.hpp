// SPDX-License-Identifier: Apache-2.0
// What a container has changed of its image's files: the upper folder of the overlay that its root is (Linux,
// filesystems/overlayfs). A file of it replaces that of the image, a whiteout (a device 0:0) removes it, an opaque
// folder removes all that the image has in it. And folders of a container that are taken whole: /dev/shm, volumes.
#pragma once

#include "cedana/base/mounts.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/model/image_stream.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace cedana::containers {

// Their names among the images; those of CRIU end otherwise.
inline constexpr const char* k_root_files = "container-rootfs.tar";
inline constexpr const char* k_shm_files = "container-devshm.tar";

struct Overlay {
    std::filesystem::path upper;
    // In the container, what is mounted somewhere below its root: paths without a slash before them. What the upper
    // folder has there is nobody's.
    std::set<std::string> mounted;
};

// By the mounts of a process in the container. Absent where its root is no overlay. Pure.
[[nodiscard]] std::optional<Overlay> find_overlay(const std::vector<Mount>& mounts);

struct ChangedFiles {
    // Of the image, in the container, without a slash before them. They go before what is in the archive comes.
    std::vector<std::string> removed;
    std::uint64_t files = 0;
    std::uint64_t bytes = 0;
};

// What there is, without reading a file. Throws Error(Fault::dump_failed) for an overlay that keeps parts of its files
// elsewhere (metacopy, redirect_dir).
[[nodiscard]] ChangedFiles measure_changes(const Overlay& overlay);
// Into an image of the name k_root_files. For what is true of one moment the container must stand still. Throws Error,
// Error(Fault::interrupted).
[[nodiscard]] ChangedFiles capture_changes(const Overlay& overlay, ImageSink& sink, const Interrupt& interrupt);

// All of a folder, as an image of this name.
void capture_folder(int folder, const std::string& image, ImageSink& sink, const Interrupt& interrupt);

// The removed files as an entry of a checkpoint: each path with a NUL behind it.
[[nodiscard]] std::string write_removed(const std::vector<std::string>& removed);
// Throws Error(Fault::checkpoint).
[[nodiscard]] std::vector<std::string> parse_removed(std::string_view text);

} // namespace cedana::containers
