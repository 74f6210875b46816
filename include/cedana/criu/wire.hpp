// SPDX-License-Identifier: Apache-2.0
// The few bytes of protobuf wire format that the streamer protocol and CRIU's statistics need, and the unix sockets
// that CRIU and its action script talk to.
#pragma once

#include "cedana/base/unique_fd.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

namespace cedana::criu {

struct WireField {
    std::uint32_t number = 0;
    // Wire types 0, 1 and 5.
    std::optional<std::uint64_t> value;
    // Wire type 2.
    std::optional<std::string_view> bytes;
};

// Walks the fields of one message. Throws Error(Fault::internal) on malformed input; never reads past the end.
class WireReader {
  public:
    explicit WireReader(std::string_view message) : rest_(message) {}
    // Absent at the end.
    [[nodiscard]] std::optional<WireField> next();

  private:
    std::uint64_t varint();
    std::string_view take(std::size_t count);
    std::string_view rest_;
};

// A listening unix stream socket at `path`, CLOEXEC. Throws Error; a path longer than sun_path is one.
[[nodiscard]] UniqueFd listen_unix(const std::filesystem::path& path);

} // namespace cedana::criu
