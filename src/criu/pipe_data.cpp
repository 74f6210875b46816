// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/pipe_data.hpp"

#include "cedana/base/error.hpp"
#include "cedana/criu/wire.hpp"

#include <cstddef>
#include <cstring>

#include <spdlog/fmt/fmt.h>

namespace cedana::criu {

namespace {

// criu/include/magic.h
constexpr std::uint32_t k_common_magic = 0x54564319;
constexpr std::uint32_t k_pipe_data_magic = 0x56453709;

[[noreturn]] void refuse(const char* what) {
    throw Error(Fault::checkpoint, fmt::format("the image {} is damaged: {}", k_pipe_data_image, what));
}

std::string_view take(std::string_view& rest, std::uint64_t count) {
    if (count > rest.size())
        refuse("it ends too early");
    const std::string_view taken = rest.substr(0, static_cast<std::size_t>(count));
    rest.remove_prefix(taken.size());
    return taken;
}

std::uint32_t take_number(std::string_view& rest) {
    std::uint32_t number = 0;
    const std::string_view bytes = take(rest, sizeof number);
    std::memcpy(&number, bytes.data(), sizeof number);
    return number;
}

} // namespace

// Entries of a length, a message (images/pipe-data.proto) and as many bytes as that says.
std::map<std::uint64_t, PipeData> parse_pipe_data(std::string_view image) {
    if (take_number(image) != k_common_magic || take_number(image) != k_pipe_data_magic)
        refuse("it does not begin as it should");
    std::map<std::uint64_t, PipeData> pipes;
    while (!image.empty()) {
        WireReader message(take(image, take_number(image)));
        std::uint64_t inode = 0;
        std::uint64_t bytes = 0;
        PipeData data;
        while (const auto field = message.next()) {
            if (field->number == 1)
                inode = field->value.value_or(0);
            else if (field->number == 2)
                bytes = field->value.value_or(0);
            else if (field->number == 3)
                data.capacity = field->value.value_or(0);
        }
        data.unread = take(image, bytes);
        pipes.insert_or_assign(inode, std::move(data));
    }
    return pipes;
}

} // namespace cedana::criu
