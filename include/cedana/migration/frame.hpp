// SPDX-License-Identifier: Apache-2.0
// The protocol of a migration, as frames on the standard input and output of whoever is started on the other host
// (ssh.hpp): which there are, who sends which of them, how long each may be, and in which order they come. Pure. What
// is in them is in messages.hpp.
#pragma once

#include "cedana/base/error.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace cedana::migration {

// Both ends say theirs first; they must be the same.
inline constexpr int k_protocol_version = 6;

// The end that has the tree, and the one that is to have it.
enum class Side { source, target };

// hello: of the source, answered by a greeting. offer: what the tree needs, before anything is frozen. answer: why the
// target would not take it, or no reason. begin, data, complete: the checkpoint, as it is written. ahead: what the
// checkpoint may hold, before it is known whether it will; repeat: a piece of the checkpoint that came so. files: what
// has come so far is an archive of these, which go with the tree; kept: they are on the target's disks. ready: the tree
// is there, and none of it runs. go: that of the source is gone. runs: that of the target runs. ended: the target has
// given up, and why; nothing of the tree runs there, nor ever will. bye: the source wants no more. want: bytes of the
// checkpoint that the target lacks (a lazy migration leaves its pages out), which come as data, be it before the tree
// runs or after. whole: it lacks none any more. alive: the target is at work, and has not been stopped. hold: the
// source is, and go or its end is still to come.
enum class FrameType : std::uint8_t {
    hello = 1,
    greeting,
    offer,
    answer,
    begin,
    data,
    complete,
    ready,
    go,
    runs,
    ended,
    bye,
    want,
    whole,
    alive,
    hold,
    ahead,
    repeat,
    files,
    kept
};

[[nodiscard]] std::string_view name_of(FrameType type);
// Who sends it.
[[nodiscard]] Side sender_of(FrameType type);
// Bytes that one may have behind its header.
[[nodiscard]] std::size_t longest(FrameType type);

// Two letters, the type, a zero, and the length, most significant byte first.
inline constexpr std::size_t k_header_size = 8;
using Header = std::array<std::byte, k_header_size>;

struct FrameHead {
    FrameType type = FrameType::bye;
    std::size_t length = 0;
};

[[nodiscard]] Header write_header(FrameHead head);
[[nodiscard]] bool begins_frame(const Header& header);
// Of what came in place of one: a shell's start-up file prints before the first frame. Error(Fault::connection).
[[nodiscard]] Error not_of_cedana(std::string_view said);
// Of a frame that comes from `sender`. Throws Error(Fault::connection) for what is no header, a type that is not known
// or is the other end's to send, and a length above longest().
[[nodiscard]] FrameHead parse_header(const Header& header, Side sender);

struct Frame {
    FrameType type = FrameType::bye;
    std::string payload = {};
};

// What has been said so far. Both ends keep one, of all frames that they send and get.
enum class Stage { opened, greeting, greeted, asked, answered, copying, restoring, held, released, running, over };

// Once this frame went over. Throws Error(Fault::connection) where it has no place.
[[nodiscard]] Stage after(Stage stage, FrameType type);

} // namespace cedana::migration
