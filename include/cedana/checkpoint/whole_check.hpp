// SPDX-License-Identifier: Apache-2.0
// Whether a checkpoint is whole: the container, every entry that the manifest lists and no other, and every digest,
// from the manifest's over the index's to those of the frames and of captured files.
#pragma once

#include "cedana/keys/keyring.hpp"
#include "cedana/model/manifest.hpp"

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <utility>

namespace cedana {

class WholeCheck {
  public:
    // `threads`: for each run(), the calling one among them.
    WholeCheck(unsigned threads, Keyring keyring) : threads_(threads), keyring_(std::move(keyring)) {}

    // Reads all of a checkpoint; its manifest, none after stop(). From any number of threads at once. Throws
    // Error(Fault::checkpoint) for what is damaged, unsafe, not trusted or no checkpoint, and Error of the errno when
    // the file cannot be read.
    // `pulse`: called by each thread after each frame.
    [[nodiscard]] std::optional<Manifest> run(
        const std::filesystem::path& path, const std::function<void()>& pulse = [] {});

    // Ends every run() early; from any thread.
    void stop() noexcept { stop_ = true; }
    [[nodiscard]] bool stopped() const noexcept { return stop_; }
    // That were read of all images and captured files so far.
    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

  private:
    unsigned threads_;
    Keyring keyring_;
    std::atomic<bool> stop_ = false;
    std::atomic<std::uint64_t> bytes_ = 0;
};

} // namespace cedana
