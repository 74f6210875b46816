// SPDX-License-Identifier: Apache-2.0
// What the frames of a migration say, as values, and as the bytes that go over. Pure. All that is parsed comes from
// another host and is refused unless it is as write_() makes it: each throws Error(Fault::connection).
#pragma once

#include "cedana/base/error.hpp"
#include "cedana/base/units.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace cedana::migration {

// Of a hello and a greeting.
struct Hello {
    int protocol = 0;
    std::string cedana_version;
    // The host's own name.
    std::string host;
};
[[nodiscard]] std::string write_hello(const Hello& hello);
[[nodiscard]] Hello parse_hello(std::string_view payload);

// What a migration is called on both hosts: 32 hexadecimal digits.
[[nodiscard]] std::string new_id();
[[nodiscard]] bool is_id(std::string_view text);

// A program or library as it is at the source, by what CRIU compares (criu/files-reg.c, validate_file).
struct OfferedFile {
    std::string path;
    std::uint32_t mode = 0;
    // Its bytes, filled up to whole words (host/same_files.hpp); empty if it has none.
    std::string build_id = {};

    bool operator==(const OfferedFile&) const = default;
};

struct Offer {
    std::string id;
    // As write_manifest() makes it, of what is seen before the freeze; parse_manifest() is the reader's to call.
    std::string manifest;
    // What will be copied beside the memory.
    std::uint64_t bytes_files = 0;
    // Of the key that will sign the checkpoint; empty if none does.
    std::string key_id = {};
    // Its pages are to come on demand.
    bool lazy = false;
    // It is to come back in a pid namespace of its own.
    bool new_pid_namespace = false;
    // What must be there as it is at the source.
    std::vector<OfferedFile> files = {};
    // As write_envelope() makes it, of a checkpoint that would be encrypted for the same readers; empty: it will not be
    // encrypted.
    std::string envelope = {};
};
[[nodiscard]] std::string write_offer(const Offer& offer);
[[nodiscard]] Offer parse_offer(std::string_view payload);

// An Error as the other end tells it. Its fault, log and steps are that host's.
struct Reason {
    std::string message;
    std::string cause = {};
    std::string hint = {};
};
[[nodiscard]] Reason reason_of(const Error& error);

struct Answer {
    // What a restore there would end with; none: it would take it.
    std::vector<Reason> reasons;
    // There is room for what is sent ahead beside the checkpoint.
    bool takes_ahead = false;
};
[[nodiscard]] std::string write_answer(const Answer& answer);
[[nodiscard]] Answer parse_answer(std::string_view payload);

[[nodiscard]] std::string write_ended(const Reason& reason);
[[nodiscard]] Reason parse_ended(std::string_view payload);

// The name of the checkpoint: checkpoint_stem() (files/checkpoint_file.hpp) has made it, and it is one of a file.
[[nodiscard]] std::string write_begin(std::string_view stem);
[[nodiscard]] std::string parse_begin(std::string_view payload);

// A piece of the file, with the SHA-256 of its place and its bytes before it.
inline constexpr std::size_t k_longest_piece = k_mib;
inline constexpr std::size_t k_data_head = 8 + 32;
[[nodiscard]] std::string write_data_head(std::uint64_t offset, std::span<const std::byte> bytes);
struct Data {
    std::uint64_t offset = 0;
    // Within the payload.
    std::string_view bytes;
};
[[nodiscard]] Data parse_data(std::string_view payload);

// What the file may come to hold, under a number from 1 on, with the SHA-256 of both.
inline constexpr std::size_t k_longest_ahead = k_mib + k_mib / 64;
[[nodiscard]] std::string write_ahead_head(std::uint64_t number, std::span<const std::byte> bytes);
struct Ahead {
    std::uint64_t number = 0;
    // Within the payload.
    std::string_view bytes;
};
[[nodiscard]] Ahead parse_ahead(std::string_view payload);

// A piece of the file that came ahead: where it goes, and what of the bytes under that number it is.
inline constexpr std::size_t k_repeat_size = 32;
struct Repeat {
    std::uint64_t offset = 0;
    std::uint64_t number = 0;
    std::uint64_t from = 0;
    std::uint64_t size = 0;
};
[[nodiscard]] std::string write_repeat(const Repeat& repeat);
[[nodiscard]] Repeat parse_repeat(std::string_view payload);

// What has come so far is an archive of files that are to be there before the program comes back.
struct Files {
    // As write_manifest() makes it; of it the files count.
    std::string manifest;
    // As write_index() makes it, of their entries.
    std::string index;
    // As write_envelope() makes it, of an encrypted checkpoint; else empty.
    std::string envelope = {};
};
[[nodiscard]] std::string write_files(const Files& files);
[[nodiscard]] Files parse_files(std::string_view payload);

// Bytes of the file that are to come next, at most k_longest_piece.
inline constexpr std::size_t k_want_size = 16;
struct Want {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
};
[[nodiscard]] std::string write_want(const Want& want);
[[nodiscard]] Want parse_want(std::string_view payload);

// How large the file is.
[[nodiscard]] std::string write_complete(std::uint64_t size);
[[nodiscard]] std::uint64_t parse_complete(std::string_view payload);

// The root of the tree.
[[nodiscard]] std::string write_runs(pid_t pid);
[[nodiscard]] pid_t parse_runs(std::string_view payload);

// What the target says of a migration whose connection was lost: `client receive --status ID --json`. busy: nobody
// knows yet. unknown: there is no record of it, as on another host.
enum class Outcome { runs, ended, busy, unknown };
[[nodiscard]] std::string_view name_of(Outcome outcome);

struct Status {
    std::string id;
    Outcome outcome = Outcome::unknown;
    // What the program is called, and its root where that runs.
    std::string name = {};
    std::optional<pid_t> pid = std::nullopt;
    std::string why = {};
    // Of one that has ended: it had run there.
    bool had_run = false;
};
[[nodiscard]] std::string write_status(const Status& status);
[[nodiscard]] Status parse_status(std::string_view text);

} // namespace cedana::migration
