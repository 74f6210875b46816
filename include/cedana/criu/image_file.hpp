// SPDX-License-Identifier: Apache-2.0
// An image of CRIU: two magic numbers, then messages, each behind its length, and behind some of them as many bytes as
// the message says (criu/protobuf.c). What is in a message is image_fields's to know. Whatever is not as it should be
// throws Error(Fault::checkpoint): an image may come from anybody.
#pragma once

#include "cedana/base/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace cedana::criu {

// The second of its magic numbers (criu/include/magic.h); the only one of an inventory.
enum class ImageKind : std::uint32_t {
    cgroups = 0x59383330,
    core = 0x55053847,
    descriptors = 0x56213732,
    file_locks = 0x54323616,
    files = 0x56303138,
    ids = 0x54432030,
    inventory = 0x58313116,
    mm = 0x57492820,
    pagemap = 0x56084025,
    pipes_data = 0x56453709,
    pstree = 0x50273030,
    remaps = 0x59133954,
    statistics = 0x57093306,
    tcp_stream = 0x51465506,
    terminals = 0x59453036,
    clocks = 0x43114433,
};

[[nodiscard]] Error damaged_image(const std::string& what);

// Refers to the bytes that it is given, which must outlive it and what it returns.
class ImageReader {
  public:
    ImageReader(std::string_view image, ImageKind kind);

    [[nodiscard]] bool at_end() const noexcept { return rest_.empty(); }
    [[nodiscard]] std::string_view next();
    // What lies behind the message that next() returned last.
    [[nodiscard]] std::string_view payload(std::uint64_t size);

  private:
    std::uint32_t number();

    std::string_view rest_;
};

class ImageWriter {
  public:
    explicit ImageWriter(ImageKind kind);

    // Throws Error(Fault::internal) for a message that has no length in an image (4 GiB and more).
    void add(std::string_view message, std::string_view payload = {});
    [[nodiscard]] const std::string& bytes() const& noexcept { return bytes_; }
    [[nodiscard]] std::string bytes() && noexcept { return std::move(bytes_); }

  private:
    void number(std::uint32_t value);

    std::string bytes_;
};

} // namespace cedana::criu
