// SPDX-License-Identifier: Apache-2.0
// The messages in an image of CRIU, for those few images that are read here. Whatever is not as it should be throws
// Error(Fault::checkpoint): an image may come from anybody.
#pragma once

#include "cedana/base/error.hpp"
#include "cedana/criu/wire.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cedana::criu {

[[nodiscard]] Error damaged_image(const std::string& what);

// An image: two magic numbers, then messages, each behind its length (criu/protobuf.c).
class ImageMessages {
  public:
    // `magic`: of this kind of image (criu/include/magic.h).
    ImageMessages(std::string_view image, std::uint32_t magic);
    [[nodiscard]] bool at_end() const { return rest_.empty(); }
    [[nodiscard]] std::string_view next() { return take(number()); }

  private:
    std::string_view take(std::size_t size);
    std::uint32_t number();

    std::string_view rest_;
};

// The fields of a message by their number; of a repeated one the last.
struct MessageFields {
    std::map<std::uint32_t, std::uint64_t> numbers;
    std::map<std::uint32_t, std::string_view> bytes;

    [[nodiscard]] std::uint64_t number_or(std::uint32_t field, std::uint64_t otherwise) const;
    // Empty without one.
    [[nodiscard]] std::string_view bytes_of(std::uint32_t field) const;
};
[[nodiscard]] MessageFields fields_of(std::string_view message);

// Each vma_entry of an image of a task's memory (mm-PID.img).
[[nodiscard]] std::vector<std::string_view> mappings_in(std::string_view image);

// Runs `parse`, and says of a message that WireReader refuses whose fault it is.
template <typename Parse>
auto parse_image(Parse&& parse) {
    try {
        return parse();
    } catch (const Error& error) {
        if (error.fault() != Fault::internal)
            throw;
        throw damaged_image(error.message());
    }
}

} // namespace cedana::criu
