// SPDX-License-Identifier: Apache-2.0
// A tar archive (pax) as an image of a checkpoint: nothing of it is on the disk before it is compressed. On libarchive.
#pragma once

#include "cedana/base/signals.hpp"
#include "cedana/model/image_stream.hpp"

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <sys/stat.h>

struct archive;

namespace cedana::containers {

struct TarEntry {
    // Without a slash before it; "." for the folder itself.
    std::string name;
    struct ::stat info {};
    // Of a symbolic link.
    std::string target = {};
    // The earlier entry that is the same file; empty: none.
    std::string same_as = {};
    std::vector<std::pair<std::string, std::string>> attributes = {};
};

class TarWriter {
  public:
    // Both must outlive this.
    TarWriter(ImageSink& sink, const std::string& image, const Interrupt& interrupt);
    TarWriter(const TarWriter&) = delete;
    TarWriter& operator=(const TarWriter&) = delete;
    ~TarWriter();

    // `file`: of a regular file that is open, else -1; as many bytes of it are read as `entry` says. Throws Error,
    // Error(Fault::interrupted).
    void add(const TarEntry& entry, int file);
    // The same of a regular file that comes in pieces: as many bytes must follow as `entry` says.
    void begin(const TarEntry& entry);
    void append(std::span<const std::byte> bytes, const std::string& name);
    // The image is whole then.
    void finish();

  private:
    struct Free {
        void operator()(archive* writer) const noexcept;
    };
    static long write(archive* writer, void* self, const void* bytes, std::size_t count);
    void require(int result, const std::string& name);
    void copy(int file, std::uint64_t size, const std::string& name);

    ImageSink& sink_;
    const Interrupt& interrupt_;
    int image_;
    // What was thrown below libarchive. It ends after that, which may write to its last.
    std::exception_ptr failure_;
    std::unique_ptr<archive, Free> writer_;
};

} // namespace cedana::containers
