// SPDX-License-Identifier: Apache-2.0
// Reads every frame of a checkpoint's images and compares its digest; nothing is decompressed.
#pragma once

#include "cedana/archive/frame_index.hpp"
#include "cedana/archive/zip_reader.hpp"
#include "cedana/base/signals.hpp"

#include <string>

namespace cedana {

// `threads`: 0: one a core. Throws Error(Fault::checkpoint) for a frame that is damaged, Error of the errno when the
// archive cannot be read, Error(Fault::interrupted).
void check_frames(const ZipReader& zip, const FrameIndex& index, const std::string& folder, unsigned threads,
                  const Interrupt& interrupt);

} // namespace cedana
