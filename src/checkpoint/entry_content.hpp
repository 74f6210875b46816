// SPDX-License-Identifier: Apache-2.0
// The content of a captured file, out of the archive.
#pragma once

#include "cedana/archive/image_reader.hpp"
#include "cedana/base/checksums.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/model/captured_file.hpp"

#include <cstddef>
#include <span>

namespace cedana {

// Of one entry, compared with its digest at its end.
class EntryContent {
  public:
    // All must outlive this.
    EntryContent(ImageReader& reader, const CapturedFile& file, const Interrupt& interrupt)
        : reader_(reader), file_(file), interrupt_(interrupt), stream_(reader.open(file.entry)) {}
    EntryContent(const EntryContent&) = delete;
    EntryContent& operator=(const EntryContent&) = delete;
    ~EntryContent() { reader_.close(stream_); }

    // Empty at the end. Throws Error(Fault::checkpoint) for what is damaged, Error(Fault::interrupted).
    std::span<const std::byte> next();

  private:
    void wait() const;
    void compare();

    ImageReader& reader_;
    const CapturedFile& file_;
    const Interrupt& interrupt_;
    int stream_;
    Sha256Stream digest_;
    std::size_t handed_out_ = 0;
};

} // namespace cedana
