// SPDX-License-Identifier: Apache-2.0
// Reads the images of an archive to their last byte and compares all that is known of them: each frame with its digest,
// what it decodes to with the image's CRC, and the entry with the index. Nothing is kept: a thread holds one frame.
#pragma once

#include "cedana/archive/frame_index.hpp"
#include "cedana/archive/frame_sums.hpp"
#include "cedana/archive/zip_reader.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

namespace cedana {

// Throws Error(Fault::checkpoint) if the archive does not hold this image as the index says, as far as its directory
// tells. `folder`: before the names in the archive.
void require_entry(const ZipReader& zip, const ImageRecord& record, const std::string& folder);

struct ImageCheck {
    const ZipReader& zip;
    const FrameIndex& index;
    std::string folder;
    // Image → SHA-256 of its whole content, in hexadecimal, for those of which it is known.
    std::map<std::string, std::string> digests = {};
    // Of all images, beside the digests in the index; null: none.
    const FrameSums* sums = nullptr;
    unsigned threads = 1;
    // Set by somebody else: the check ends early.
    const std::atomic<bool>& stop;
    // Compressed bytes that were read; added to.
    std::atomic<std::uint64_t>& bytes;
    // Called by each thread after each frame.
    std::function<void()> pulse = [] {};
};

// Returns once every byte was found as it should be, or early after `stop`. Throws Error(Fault::checkpoint) for what is
// damaged, and Error of the errno when the file cannot be read.
void check_images(const ImageCheck& check);

} // namespace cedana
