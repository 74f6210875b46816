// SPDX-License-Identifier: Apache-2.0
// The other way by which the images of a dump come out of CRIU (image_capture.hpp has the first): CRIU writes them as
// files into a folder in memory, and they are read once it has written all. CRIU then waits for nobody while the tree
// stands still, and what is read are copies, to which the tree writes no more: it may run on before that. For trees
// that are small, since all of it is in memory twice.
#pragma once

#include "cedana/base/memory_folder.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/model/image_stream.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace cedana::criu {

struct ReadImages {
    std::size_t images = 0;
    std::uint64_t bytes = 0;
};

class ImageFolder {
  public:
    explicit ImageFolder(MemoryFolder folder) : folder_(std::move(folder)) {}
    ImageFolder(const ImageFolder&) = delete;
    ImageFolder& operator=(const ImageFolder&) = delete;
    ~ImageFolder();

    [[nodiscard]] const MemoryFolder& folder() const noexcept { return folder_; }
    // Puts all images into `sink`, in the order in which CRIU began them. It refers to the larger ones: this must
    // outlive what the sink does with them. Once, when CRIU has written all. Throws Error, what the sink throws, and
    // Error(Fault::interrupted).
    [[nodiscard]] ReadImages read_into(ImageSink& sink, const Interrupt& interrupt);
    // Frees their memory, as far as that goes. Nobody may refer to it any more.
    void remove_images() noexcept;

  private:
    void unmap() noexcept;
    [[nodiscard]] std::vector<std::string> names() const;
    [[nodiscard]] std::uint64_t read_image(const std::string& name, ImageSink& sink, const Interrupt& interrupt);
    [[nodiscard]] std::span<const std::byte> mapped(int file, std::size_t size, const std::string& name);

    MemoryFolder folder_;
    std::vector<std::span<std::byte>> mappings_;
};

} // namespace cedana::criu
