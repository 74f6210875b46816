// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/checksums.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/leases.hpp"
#include "cedana/roles/file_reader.hpp"

#include <array>
#include <csignal>
#include <limits>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "unit/temp_folder.hpp"

namespace cedana::roles {
namespace {

constexpr std::uint64_t k_everything = std::numeric_limits<std::uint64_t>::max();

class AFileReader : public test::InTempFolder {
  protected:
    explicit AFileReader(std::chrono::milliseconds nothing_moves = std::chrono::minutes(1)) : limit(nothing_moves) {}
    void open(const FileName& name) {
        int error = 0;
        ASSERT_TRUE(reader.open(1, name, error, none)) << errno_text(error);
    }
    [[nodiscard]] std::string content() {
        std::array<std::byte, 100> bytes{};
        const std::size_t count = reader.read(1, 0, bytes, none);
        return {reinterpret_cast<const char*>(bytes.data()), count};
    }

    const Interrupt none = Interrupt::none();
    const std::chrono::milliseconds limit;
    FileReader reader{{.folder = path(""), .memory = 1'000'000, .limit = limit}};
};

TEST_F(AFileReader, ReadsAFileByItsName) {
    open({.path = write("file", "content")});
    EXPECT_EQ(content(), "content");
    EXPECT_EQ(reader.digest(1, 7, k_everything, none), hex(sha256(std::string_view("content"))));
}

TEST_F(AFileReader, CopiesAFile) {
    open({.path = write("file", "content")});
    const UniqueFd copy = reader.copy(1, 7, none);
    write("file", "changed");
    std::array<char, 7> bytes{};
    EXPECT_EQ(::pread(copy.get(), bytes.data(), bytes.size(), 0), 7);
    EXPECT_EQ(std::string(bytes.data(), bytes.size()), "content");
}

TEST_F(AFileReader, TellsWhyAFileCannotBeOpened) {
    int error = 0;
    EXPECT_FALSE(reader.open(1, {.path = path("nothing")}, error, none));
    EXPECT_EQ(error, ENOENT);
}

TEST_F(AFileReader, BreaksNoLeaseByADescriptorOfTheHolder) {
    // Not closed since it was written: where files have no handles a dump beside this may open it
    // (process/file_watch.hpp).
    const UniqueFd held = open_file(path("file"), O_RDWR | O_CREAT, 0600);
    write_all(held.get(), "content", path("file"));
    ASSERT_EQ(::fcntl(held.get(), F_SETLEASE, F_WRLCK), 0);
    open({.path = path("file"), .holder = ::getpid(), .descriptor = held.get()});
    EXPECT_EQ(content(), "content");
    EXPECT_EQ(::fcntl(held.get(), F_GETLEASE), F_WRLCK);
    struct ::stat info {};
    ASSERT_EQ(::fstat(held.get(), &info), 0);
    EXPECT_TRUE(lease_broken_by_reading(read_leases(), info));
    ::fcntl(held.get(), F_SETLEASE, F_UNLCK);
}

TEST_F(AFileReader, IsNotSeenByWhoeverWatchesForOpening) {
    const UniqueFd held = open_file(write("file", "content"), O_RDWR);
    const UniqueFd watch(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    ASSERT_GE(::inotify_add_watch(watch.get(), path("").c_str(), IN_OPEN | IN_CLOSE | IN_CREATE), 0);
    open({.path = path("file"), .holder = ::getpid(), .descriptor = held.get()});
    static_cast<void>(reader.copy(1, 7, none));
    reader.drop(1, none);
    std::array<char, 4096> events{};
    EXPECT_EQ(::read(watch.get(), events.data(), events.size()), -1);
}

class AStoppedFileReader : public AFileReader {
  protected:
    // It is one only after it has opened the file, for which a busy machine may need as long.
    AStoppedFileReader() : AFileReader(std::chrono::milliseconds(500)) {}
};

TEST_F(AStoppedFileReader, IsGivenUpOnceNothingMoves) {
    // A reader that is stopped answers as little as one that hangs.
    open({.path = write("file", "content")});
    for (const pid_t child : children_of(::getpid()))
        ::kill(child, SIGSTOP);
    try {
        static_cast<void>(content());
        FAIL() << "it has answered";
    } catch (const Error& error) {
        EXPECT_EQ(error.fault(), Fault::storage);
        EXPECT_NE(error.message().find("file has not answered"), std::string::npos) << error.message();
    }
}

} // namespace
} // namespace cedana::roles
