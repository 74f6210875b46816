// SPDX-License-Identifier: Apache-2.0
// A checkpoint as podman keeps it outside of its store (podman container checkpoint --export), so that a podman that
// knows nothing of cedana restores it with a CRIU that knows nothing of it either. Its names: checkpoint-restore/
// checkpointctl, lib/metadata.go.
#pragma once

#include "cedana/base/signals.hpp"
#include "cedana/containers/small_tar.hpp"
#include "cedana/model/container.hpp"
#include "cedana/model/image_stream.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace cedana::containers {

struct ExportedImage {
    std::string name;
    // As the checkpoint has it, before anything is mended.
    std::uint64_t size = 0;
};

struct PodmanExport {
    const ContainerRecord& container;
    // podman's own (podman.hpp, podman_files).
    SmallFiles description;
    std::string external_descriptors;
    // CRIU's, in the order in which they are to be read.
    std::vector<ExportedImage> images;
    // An entry of the checkpoint; empty where there is none.
    std::function<std::string(const std::string& entry)> text;
    // Of the bytes of all images, how many are written.
    std::function<void(std::uint64_t done)> progress = [](std::uint64_t) {};
};

// Which of these images are CRIU's, and not archives of the container's files.
[[nodiscard]] std::vector<ExportedImage> images_of_criu(const std::vector<ExportedImage>& images,
                                                        const ContainerRecord& container);

// The whole archive into `file`, which is empty. `criu`: CRIU's images as CRIU is to read them; `files`: the archives
// of the container's files. Throws Error.
void write_podman_export(int file, const std::filesystem::path& path, const PodmanExport& what, ImageSource& criu,
                         ImageSource& files, const Interrupt& interrupt);

} // namespace cedana::containers
