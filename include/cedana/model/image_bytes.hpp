// SPDX-License-Identifier: Apache-2.0
// Bytes into an image sink and out of an image source, for whoever has nothing else to do meanwhile: waits until there
// is room, or something to read.
#pragma once

#include "cedana/base/signals.hpp"
#include "cedana/model/image_stream.hpp"

#include <cstddef>
#include <span>
#include <string>

namespace cedana {

// Throws what the sink throws, and Error(Fault::interrupted).
void wait_for_space(const ImageSink& sink, const Interrupt& interrupt);
void fill_image(ImageSink& sink, int image, std::span<const std::byte> bytes, const Interrupt& interrupt);

// One image from its start to its end.
class ImageBytes {
  public:
    // Throws as `source` does where there is no such image. Both must outlive this.
    ImageBytes(ImageSource& source, const std::string& name, const Interrupt& interrupt)
        : source_(source), interrupt_(interrupt), stream_(source.open(name)) {}
    ImageBytes(const ImageBytes&) = delete;
    ImageBytes& operator=(const ImageBytes&) = delete;
    ~ImageBytes() { source_.close(stream_); }

    // Empty at the end. Valid until the next call. Throws what the source throws, and Error(Fault::interrupted).
    [[nodiscard]] std::span<const std::byte> next();

  private:
    ImageSource& source_;
    const Interrupt& interrupt_;
    int stream_;
    std::size_t given_ = 0;
};

} // namespace cedana
