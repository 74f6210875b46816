// SPDX-License-Identifier: Apache-2.0
#include "cedana/migration/frame.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/units.hpp"
#include "cedana/migration/messages.hpp"

#include <optional>

#include <spdlog/fmt/fmt.h>

namespace cedana::migration {

namespace {

constexpr std::array k_magic = {std::byte{'c'}, std::byte{'m'}};
constexpr std::size_t k_short = 4096;

struct Known {
    std::string_view name;
    Side sender;
    std::size_t longest;
};

// By their numbers, from 1.
constexpr std::array k_types = {
    Known{"hello", Side::source, k_short},
    Known{"greeting", Side::target, k_short},
    // A tree of 100,000 processes has a manifest of about 50 MiB.
    Known{"offer", Side::source, 64 * k_mib},
    Known{"answer", Side::target, k_mib},
    Known{"begin", Side::source, k_short},
    Known{"data", Side::source, k_data_head + k_longest_piece},
    Known{"complete", Side::source, k_short},
    Known{"ready", Side::target, 0},
    Known{"go", Side::source, 0},
    Known{"runs", Side::target, k_short},
    Known{"ended", Side::target, k_mib},
    Known{"bye", Side::source, 0},
    Known{"want", Side::target, k_want_size},
    Known{"whole", Side::target, 0},
    Known{"alive", Side::target, 0},
    Known{"hold", Side::source, 0},
    Known{"ahead", Side::source, k_data_head + k_longest_ahead},
    Known{"repeat", Side::source, k_repeat_size},
    // Of 100,000 files about 50 MiB.
    Known{"files", Side::source, 64 * k_mib},
    Known{"kept", Side::target, 0},
};

const Known& known(FrameType type) { return k_types.at(static_cast<std::size_t>(type) - 1); }

Error not_frames(const std::string& what) {
    return {Fault::connection, fmt::format("the other end does not speak as cedana does: {}", what)};
}

[[noreturn]] void refuse_frame(const std::string& what) { throw not_frames(what); }

// Pages come on demand from the restore on.
bool may_lack(Stage stage) {
    return stage == Stage::restoring || stage == Stage::held || stage == Stage::released || stage == Stage::running;
}

// Absent where it has no place.
std::optional<Stage> next(Stage stage, FrameType type) {
    switch (type) {
    case FrameType::hello:
        return stage == Stage::opened ? std::optional(Stage::greeting) : std::nullopt;
    case FrameType::greeting:
        return stage == Stage::greeting ? std::optional(Stage::greeted) : std::nullopt;
    case FrameType::offer:
        return stage == Stage::greeted ? std::optional(Stage::asked) : std::nullopt;
    case FrameType::answer:
        return stage == Stage::asked ? std::optional(Stage::answered) : std::nullopt;
    case FrameType::begin:
        return stage == Stage::answered ? std::optional(Stage::copying) : std::nullopt;
    case FrameType::data:
        return stage == Stage::copying || may_lack(stage) ? std::optional(stage) : std::nullopt;
    case FrameType::ahead:
    case FrameType::repeat:
        return stage == Stage::copying ? std::optional(stage) : std::nullopt;
    case FrameType::complete:
        return stage == Stage::copying ? std::optional(Stage::restoring) : std::nullopt;
    case FrameType::ready:
        return stage == Stage::restoring ? std::optional(Stage::held) : std::nullopt;
    case FrameType::go:
        return stage == Stage::held ? std::optional(Stage::released) : std::nullopt;
    case FrameType::runs:
        return stage == Stage::released ? std::optional(Stage::running) : std::nullopt;
    case FrameType::want:
        return may_lack(stage) ? std::optional(stage) : std::nullopt;
    case FrameType::alive:
        return stage == Stage::copying || may_lack(stage) ? std::optional(stage) : std::nullopt;
    case FrameType::files:
    case FrameType::kept:
        return stage == Stage::copying ? std::optional(stage) : std::nullopt;
    case FrameType::hold:
        return stage == Stage::restoring || stage == Stage::held ? std::optional(stage) : std::nullopt;
    case FrameType::whole:
        return stage == Stage::running ? std::optional(Stage::over) : std::nullopt;
    // At any moment but after the end.
    case FrameType::ended:
        return stage != Stage::over ? std::optional(Stage::over) : std::nullopt;
    // After go the source has nothing to take back.
    case FrameType::bye:
        return stage != Stage::over && stage != Stage::released && stage != Stage::running ? std::optional(Stage::over)
                                                                                           : std::nullopt;
    }
    return std::nullopt;
}

} // namespace

std::string_view name_of(FrameType type) { return known(type).name; }
Side sender_of(FrameType type) { return known(type).sender; }
std::size_t longest(FrameType type) { return known(type).longest; }

Header write_header(FrameHead head) {
    Header header{};
    header[0] = k_magic[0];
    header[1] = k_magic[1];
    header[2] = static_cast<std::byte>(head.type);
    for (std::size_t i = 0; i < 4; ++i)
        header.at(4 + i) = static_cast<std::byte>((head.length >> (8 * (3 - i))) & 0xff);
    return header;
}

bool begins_frame(const Header& header) {
    return header[0] == k_magic[0] && header[1] == k_magic[1] && header[3] == std::byte{0};
}

Error not_of_cedana(std::string_view said) {
    const std::string_view text = trim(said);
    return not_frames(fmt::format("it said '{}'", printable(text.substr(0, text.find('\n')))))
        .hint("what the login shell there prints by itself comes first: let it do so only on a terminal (in ~/.bashrc: "
              "[ -t 1 ])");
}

FrameHead parse_header(const Header& header, Side sender) {
    const auto number = std::to_integer<std::size_t>(header[2]);
    if (!begins_frame(header))
        refuse_frame("no frame begins so");
    if (number == 0 || number > k_types.size())
        refuse_frame(fmt::format("there is no frame of type {}", number));
    FrameHead head{.type = static_cast<FrameType>(number)};
    for (std::size_t i = 0; i < 4; ++i)
        head.length = head.length << 8 | std::to_integer<std::size_t>(header.at(4 + i));
    if (sender_of(head.type) != sender)
        refuse_frame(fmt::format("'{}' is not its to say", name_of(head.type)));
    if (head.length > longest(head.type))
        refuse_frame(
            fmt::format("'{}' has {} bytes, and may have {}", name_of(head.type), head.length, longest(head.type)));
    return head;
}

Stage after(Stage stage, FrameType type) {
    const auto then = next(stage, type);
    if (!then)
        refuse_frame(fmt::format("'{}' came where it has no place", name_of(type)));
    return *then;
}

} // namespace cedana::migration
