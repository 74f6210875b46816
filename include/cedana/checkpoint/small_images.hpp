// SPDX-License-Identifier: Apache-2.0
// Images of one checkpoint that are read whole: those that tell of the tree, not those that hold its pages.
#pragma once

#include "cedana/archive/frame_reader.hpp"
#include "cedana/checkpoint/reader.hpp"

#include <optional>
#include <string>

namespace cedana {

class SmallImages {
  public:
    // `checkpoint` must outlive this.
    explicit SmallImages(const Checkpoint& checkpoint)
        : index_(checkpoint.index()), reader_(checkpoint.zip(), k_images_folder) {}

    // Absent where the tree had no such thing. Throws Error(Fault::checkpoint) for one that is damaged.
    [[nodiscard]] std::optional<std::string> read(const std::string& name) {
        const ImageRecord* const record = index_.find(name);
        return record == nullptr ? std::nullopt : std::optional(reader_.read_all(*record, k_text_limit));
    }

  private:
    const FrameIndex& index_;
    FrameReader reader_;
};

} // namespace cedana
