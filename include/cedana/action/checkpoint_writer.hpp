// SPDX-License-Identifier: Apache-2.0
// One checkpoint from its first byte to its final name: the images as CRIU streams them, then the log, the index and
// the manifest. Joins the image stream of criu, the archive and the store, which know nothing of each other.
#pragma once

#include "cedana/archive/frame_pool.hpp"
#include "cedana/archive/image_writer.hpp"
#include "cedana/archive/zip_writer.hpp"
#include "cedana/criu/image_capture.hpp"
#include "cedana/model/config.hpp"
#include "cedana/model/manifest.hpp"
#include "cedana/storage/checkpoint_file.hpp"

#include <cstdint>
#include <filesystem>
#include <string>

namespace cedana {

class CheckpointWriter : public criu::ImageSink {
  public:
    // Begins the partial file in `folder`. Memory for about `expected` bytes of images is touched at once, within
    // archive.buffer_mib.
    CheckpointWriter(const Config& config, const std::filesystem::path& folder, const std::string& stem,
                     std::uint64_t expected);

    int begin(const std::string& name) override { return images_.begin(name); }
    std::span<std::byte> space(int image) override { return images_.space(image); }
    void filled(int image, std::size_t count) override { images_.filled(image, count); }
    void end(int image) override { images_.end(image); }
    [[nodiscard]] int space_ready() const override { return images_.space_ready(); }

    // Compresses what is left, adds CRIU's log, the index and the manifest (to which it adds digests and sizes), and
    // publishes; the checkpoint's path. Throws Error: no file with a final name exists then.
    std::filesystem::path finish(Manifest manifest, const std::filesystem::path& criu_log, const Interrupt& interrupt);

  private:
    // Bytes for the buffer: what is available changes from look to look.
    std::uint64_t bound_;
    PendingCheckpoint pending_;
    ZipWriter zip_;
    FramePool pool_;
    ImageWriter images_;
};

} // namespace cedana
