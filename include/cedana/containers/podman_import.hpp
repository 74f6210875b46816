// SPDX-License-Identifier: Apache-2.0
// The way back from podman_export.hpp: a checkpoint as podman keeps it outside of its store, out of which come the
// images and texts of one of ours. Nobody vouches for the archive: what it says is compared with itself as far as it
// can be, so that one which is cut off or patched together is not taken for a whole one; what its container may do on a
// host is looked at by the restore, as of every checkpoint.
#pragma once

#include "cedana/base/signals.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/containers/small_tar.hpp"
#include "cedana/model/container.hpp"
#include "cedana/model/image_stream.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>

namespace cedana::containers {

class PodmanImport {
  public:
    // Opens it and reads podman's description. Throws Error(Fault::storage) where it cannot be opened,
    // Error(Fault::usage) for another engine's archive and for what only podman itself could restore,
    // Error(Fault::checkpoint) for what is no such archive, whole.
    PodmanImport(std::filesystem::path path, const Interrupt& interrupt);

    [[nodiscard]] const ContainerRecord& record() const noexcept { return record_; }
    [[nodiscard]] std::uint64_t bytes() const noexcept { return size_; }

    // All images into `sink`. `progress`: of the archive's bytes, how many are read. Throws Error(Fault::checkpoint),
    // Error(Fault::interrupted), what the sink throws.
    void read(ImageSink& sink, const std::function<void(std::uint64_t done)>& progress);

    // After that: entries of the checkpoint by their names.
    [[nodiscard]] const std::map<std::string, std::string>& texts() const noexcept { return texts_; }
    // The images that tell of the tree: pstree.img, core-TID.img, filelocks.img; stats-dump too. Empty: there was none.
    [[nodiscard]] const std::string& image(const std::string& name) const;
    // When CRIU had written its last image.
    [[nodiscard]] std::chrono::system_clock::time_point made() const noexcept { return made_; }

  private:
    void require_end() const;

    std::filesystem::path path_;
    const Interrupt& interrupt_;
    UniqueFd file_;
    std::uint64_t size_ = 0;
    SmallFiles description_;
    ContainerRecord record_;
    std::map<std::string, std::string> texts_;
    std::map<std::string, std::string> images_;
    std::chrono::system_clock::time_point made_;
};

} // namespace cedana::containers
