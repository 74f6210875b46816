// SPDX-License-Identifier: Apache-2.0
// What a host notes of a migration, so that whoever asks later learns what became of it, however an end was killed. The
// note of the target lies in /run/cedana, which lasts as long as its processes do, and is dropped when it is old and
// its tree has ended; that of the source beside its checkpoint, where it outlives the host.
#pragma once

#include "cedana/base/process_mark.hpp"
#include "cedana/base/unique_fd.hpp"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace cedana::migration {

// receiving: nothing of the tree runs there. ready: it is there and does not run, and without a word of the source it
// never will. going: the source has said go. filling: it runs, and ends unless all of its memory comes. runs, ended: as
// the frames of these names.
enum class Fate { receiving, ready, going, filling, runs, ended };

[[nodiscard]] std::string_view name_of(Fate fate);

struct Record {
    std::string id;
    Fate fate = Fate::receiving;
    // What the program is called.
    std::string name = {};
    // The root; its start time tells it from whoever has its pid later. Absent before it is there.
    std::optional<ProcessMark> root = std::nullopt;
    // Of one that has ended.
    std::string why = {};
    // It was filling once.
    bool had_run = false;
};

// Where the target has its records.
[[nodiscard]] std::filesystem::path record_folder();

[[nodiscard]] std::string write_record(const Record& record);
// Throws Error(Fault::connection) for what write_record() does not make.
[[nodiscard]] Record parse_record(std::string_view text);

// The record of a migration that goes on: locked (flock(2)) for as long as this lives.
class OpenRecord {
  public:
    // Makes `folder`. Throws Error(Fault::storage), and Error(Fault::usage) where there is one of this id.
    OpenRecord(const std::filesystem::path& folder, const std::string& id);

    // On the disk when it returns. Throws Error.
    void write(const Record& record);

  private:
    std::filesystem::path path_;
    UniqueFd lock_;
};

struct FoundRecord {
    Record record;
    // Whoever wrote it is at work yet.
    bool busy = false;
    // Of one that nobody is at work on: it stays so for as long as this lives.
    UniqueFd lock = {};
};

// Absent where there is none.
[[nodiscard]] std::optional<FoundRecord> find_record(const std::filesystem::path& folder, const std::string& id);

// Replaces the record of one that nobody is at work on.
void replace_record(const std::filesystem::path& folder, const Record& record);

// Removes records that nobody is at work on, that have not changed for that long, and whose tree does not run. What
// cannot be removed stays.
void drop_old_records(const std::filesystem::path& folder, std::chrono::hours age) noexcept;

// `CHECKPOINT.migrated`.
[[nodiscard]] std::filesystem::path commit_of(const std::filesystem::path& checkpoint);
// That its source has given a checkpoint's tree away, in commit_of(), with the command that tells what became of it. On
// the disk when it returns.
void note_commit(const std::filesystem::path& checkpoint, const std::string& text);
// The text; absent where it was not given away.
[[nodiscard]] std::optional<std::string> find_commit(const std::filesystem::path& checkpoint);
void remove_commit(const std::filesystem::path& checkpoint) noexcept;

} // namespace cedana::migration
