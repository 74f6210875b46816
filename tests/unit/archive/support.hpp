// SPDX-License-Identifier: Apache-2.0
// What the tests of the archive room share: data, places, and zip archives built byte by byte.
#pragma once

#include "cedana/archive/codec.hpp"
#include "cedana/archive/zip_writer.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>

namespace cedana::testing {

inline std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

inline std::string text_of(std::span<const std::byte> data) {
    return {reinterpret_cast<const char*>(data.data()), data.size()};
}

// Content as of a process: words, small integers and noise by turns; the same for the same size.
std::string mixed_content(std::size_t size);

// The frames of a whole entry.
std::vector<std::vector<std::byte>> encode_frames(std::string_view content, Method method, int level = 1);
std::string join(const std::vector<std::vector<std::byte>>& frames);

// The Fault of what `work` throws; Fault::internal and the text "nothing was thrown" if it throws nothing.
struct Outcome {
    std::optional<Fault> fault;
    std::string message;
};
Outcome outcome_of(const std::function<void()>& work);

// A folder of a test.
class Place {
  public:
    explicit Place(const std::filesystem::path& parent = std::filesystem::temp_directory_path())
        : folder_(parent, "archive-test-") {}
    [[nodiscard]] std::filesystem::path path(std::string_view name = "a.zip") const { return folder_.path() / name; }

  private:
    TempDir folder_;
};

// A ZipWriter with its file.
class NewZip {
  public:
    explicit NewZip(std::filesystem::path path)
        : path_(std::move(path)), fd_(open_file(path_, O_RDWR | O_CREAT | O_EXCL, 0600)), writer_(fd_.get(), path_) {}
    ZipWriter* operator->() { return &writer_; }
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }
    void write(const std::string& name, std::unique_ptr<EntrySource> source);
    void write(const std::string& name, std::string_view content, Method method);

  private:
    std::filesystem::path path_;
    UniqueFd fd_;
    ZipWriter writer_;
};

// An entry that gives the same block again and again; the CRC is that of the caller.
class RepeatingEntry : public EntrySource {
  public:
    struct Parts {
        Method method = Method::store;
        std::string block;
        std::uint64_t times = 1;
        std::uint64_t size = 0;
        std::uint32_t crc = 0;
        // Called before each block.
        std::function<void(std::uint64_t)> before = [](std::uint64_t) {};
    };
    explicit RepeatingEntry(Parts parts) : parts_(std::move(parts)) {}
    [[nodiscard]] Method method() const override { return parts_.method; }
    [[nodiscard]] std::span<const std::byte> next() override;
    [[nodiscard]] std::uint64_t size() const override { return parts_.size; }
    [[nodiscard]] std::uint32_t crc() const override { return parts_.crc; }

  private:
    Parts parts_;
    std::uint64_t given_ = 0;
};

// One entry of a hand-made archive. What is absent is as it should be.
struct HandMadeEntry {
    std::string name;
    std::string data = "data";
    std::uint16_t method = 0;
    std::uint16_t flags = 0;
    std::uint32_t attributes = 0;
    std::optional<std::uint32_t> size = std::nullopt;
    std::optional<std::uint32_t> compressed = std::nullopt;
    std::optional<std::uint32_t> crc = std::nullopt;
    std::optional<std::string> local_name = std::nullopt;
    std::optional<std::uint16_t> local_method = std::nullopt;
    std::optional<std::uint32_t> local_crc = std::nullopt;
    std::string local_signature = "PK\x03\x04";
    std::optional<std::uint32_t> local_offset = std::nullopt;
};
std::string hand_made_zip(const std::vector<HandMadeEntry>& entries);

void put_file(const std::filesystem::path& path, std::string_view content);

} // namespace cedana::testing
