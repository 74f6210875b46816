// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/base/file_reads.hpp"
#include "cedana/base/files.hpp"

#include <array>
#include <string>
#include <string_view>
#include <thread>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include "unit/temp_folder.hpp"

namespace cedana {
namespace {

class FileReads : public test::InTempFolder {
  protected:
    [[nodiscard]] UniqueFd file_of(std::string_view content) const {
        UniqueFd fd = open_file(path("file"), O_RDWR | O_CREAT, 0600);
        write_all(fd.get(), content, path("file"));
        return fd;
    }
};

template <std::size_t size>
std::string_view text_of(const std::array<char, size>& bytes, std::size_t count) {
    return {bytes.data(), count};
}

TEST_F(FileReads, FillWhatTheyAreGivenFromThePlaceThatIsSaid) {
    const UniqueFd fd = file_of("0123456789");
    std::array<char, 4> bytes{};
    EXPECT_EQ(text_of(bytes, read_at(fd.get(), 3, std::as_writable_bytes(std::span(bytes)), path("file"))), "3456");
}

TEST_F(FileReads, FillLessAtTheEndOfTheFile) {
    const UniqueFd fd = file_of("0123456789");
    std::array<char, 4> bytes{};
    EXPECT_EQ(text_of(bytes, read_at(fd.get(), 8, std::as_writable_bytes(std::span(bytes)), path("file"))), "89");
    EXPECT_EQ(read_at(fd.get(), 80, std::as_writable_bytes(std::span(bytes)), path("file")), 0U);
}

TEST_F(FileReads, PutTogetherWhatComesInPieces) {
    Pipe pipe = make_pipe();
    std::thread writer([&] {
        for (const char one : std::string_view("abcdefgh"))
            write_all(pipe.write_end.get(), std::string_view(&one, 1), "pipe");
        pipe.write_end.reset();
    });
    std::array<char, 6> bytes{};
    const auto space = std::as_writable_bytes(std::span(bytes));
    EXPECT_EQ(text_of(bytes, read_in_full(pipe.read_end.get(), space, "pipe")), "abcdef");
    EXPECT_EQ(text_of(bytes, read_in_full(pipe.read_end.get(), space, "pipe")), "gh");
    writer.join();
}

TEST_F(FileReads, SayWhatCannotBeRead) {
    std::array<std::byte, 4> bytes{};
    const UniqueFd folder = open_file(path("."), O_RDONLY | O_DIRECTORY);
    try {
        static_cast<void>(read_at(folder.get(), 0, bytes, "/the/folder"));
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.fault(), Fault::storage);
        EXPECT_NE(error.message().find("/the/folder"), std::string::npos);
    }
}

} // namespace
} // namespace cedana
