// SPDX-License-Identifier: Apache-2.0
// Writes a zip archive of which every compressed byte is written once. libzip makes the container; it pulls the
// already compressed data of each entry, so an entry can be appended while it is still being produced. Compressing,
// naming, syncing and publishing the file are not done here.
#pragma once

#include "cedana/archive/codec.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cedana {

class InPlaceFile;

// Bytes that those who hear of written pieces know by a number from 1 on; 0: none. They outlive the ZipWriter's use.
struct KnownBytes {
    std::uint64_t number = 0;
    std::span<const std::byte> bytes = {};
};

// The compressed data of one entry. Used by one thread, the one that called ZipWriter::write.
class EntrySource {
  public:
    virtual ~EntrySource() = default;
    [[nodiscard]] virtual Method method() const = 0;
    // The next piece, empty at the end; valid until the next call. May block. What it throws leaves
    // ZipWriter::write, and the archive is then unusable.
    [[nodiscard]] virtual std::span<const std::byte> next() = 0;
    // Of the uncompressed data; asked for once next() has returned an empty piece.
    [[nodiscard]] virtual std::uint64_t size() const = 0;
    [[nodiscard]] virtual std::uint32_t crc() const = 0;
    // What the piece that next() has returned is called by those who have it already, if they do.
    [[nodiscard]] virtual KnownBytes known() const { return {}; }
};

struct NamedEntry {
    std::string name;
    std::unique_ptr<EntrySource> source;
};

// An entry whose whole content is at hand; compressed here and now, frame by frame.
[[nodiscard]] std::unique_ptr<EntrySource> memory_entry(std::string_view content, Method method, int level);

// What is in the file to begin with: nothing, or an archive that a ZipWriter wrote.
enum class ZipContent { none, archive };

// Bytes that went to the file.
struct WrittenPiece {
    std::uint64_t offset = 0;
    std::span<const std::byte> bytes = {};
    // What they are a part of (EntrySource::known()), and from which of its bytes on; 0: of nothing that has one.
    std::uint64_t number = 0;
    std::uint64_t from = 0;
};

// Hears of every piece that goes to the file, after it went there and in this order, in whichever thread wrote it. What
// it throws is as a file that cannot be written. Where a part of the file was cut off nothing is said: what is written
// there next is.
using HearWritten = std::function<void(const WrittenPiece& piece)>;

class ZipWriter {
  public:
    // `fd`: readable and writable, stays the caller's and must outlive this. `path` is for messages.
    ZipWriter(int fd, std::filesystem::path path, ZipContent content = ZipContent::none);
    ZipWriter(const ZipWriter&) = delete;
    ZipWriter& operator=(const ZipWriter&) = delete;
    ~ZipWriter();

    // Appends the entries in order, with one central directory behind them, and drops their sources. The file is a
    // complete archive when this returns, and not one while it runs or after it threw; after a throw every further
    // call throws Error(Fault::internal). Throws what a source threw; Error of the errno (Fault::storage for a full
    // disk) with the path when the file cannot be written; Error(Fault::internal) for a name already there.
    // Nothing is synced.
    void write(std::vector<NamedEntry> entries);

    // Appends an entry, in place of the one of its name if there is one; else as write(). Copies nothing if that is the
    // last.
    void replace(NamedEntry entry);

    // Before anything is written.
    void copy_to(HearWritten copy);
    // All that went to the file, central directories that were overwritten later included.
    [[nodiscard]] std::uint64_t bytes_written() const noexcept;

  private:
    enum class State { empty, whole, broken };
    enum class Names { unique, replaced };

    void write(std::vector<NamedEntry> entries, Names names);

    std::unique_ptr<InPlaceFile> file_;
    State state_ = State::empty;
};

} // namespace cedana
