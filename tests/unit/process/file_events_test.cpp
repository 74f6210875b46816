// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/files.hpp"
#include "cedana/process/file_events.hpp"

#include <array>
#include <cstring>
#include <string>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <linux/fanotify.h>
#include <unistd.h>

namespace cedana {
namespace {

// As the kernel lays them out.
class Events {
  public:
    void add(std::uint64_t mask, int fd, int pid, std::optional<int> pidfd) {
        fanotify_event_info_pidfd record{};
        record.hdr = {.info_type = FAN_EVENT_INFO_TYPE_PIDFD, .pad = 0, .len = sizeof record};
        record.pidfd = pidfd.value_or(0);
        fanotify_event_metadata data{};
        data.event_len = static_cast<std::uint32_t>(sizeof data + (pidfd ? sizeof record : 0));
        data.vers = FANOTIFY_METADATA_VERSION;
        data.metadata_len = sizeof data;
        data.mask = mask;
        data.fd = fd;
        data.pid = pid;
        last_ = bytes_.size();
        append(&data, sizeof data);
        if (pidfd)
            append(&record, sizeof record);
    }
    // A record of a file or a folder with a name, as a group with FAN_REPORT_DFID_NAME and FAN_REPORT_FID gets it.
    void add_handle(std::uint8_t kind, std::uint64_t file_system, const std::string& handle, const std::string& name) {
        const std::size_t length = sizeof(fanotify_event_info_fid) + sizeof(file_handle) + handle.size() + name.size();
        fanotify_event_info_fid record{};
        record.hdr = {.info_type = kind, .pad = 0, .len = static_cast<std::uint16_t>(length)};
        std::memcpy(&record.fsid, &file_system, sizeof record.fsid);
        append(&record, sizeof record);
        const std::array<unsigned, 2> head{static_cast<unsigned>(handle.size()), 7};
        append(head.data(), sizeof head);
        append(handle.data(), handle.size());
        append(name.data(), name.size());
        fanotify_event_metadata data{};
        std::memcpy(&data, bytes_.data() + last_, sizeof data);
        data.event_len += static_cast<std::uint32_t>(length);
        std::memcpy(bytes_.data() + last_, &data, sizeof data);
    }
    // Of the last record, which has no bytes behind its handle.
    void set_handle_size(unsigned size) {
        std::memcpy(bytes_.data() + bytes_.size() - sizeof(file_handle), &size, sizeof size);
    }
    void cut(std::size_t bytes) { bytes_.resize(bytes_.size() - bytes); }
    [[nodiscard]] std::vector<FileEvent> take() const { return take_file_events(bytes_); }

  private:
    void append(const void* data, std::size_t size) {
        const auto* const begin = static_cast<const std::byte*>(data);
        bytes_.insert(bytes_.end(), begin, begin + size);
    }
    std::vector<std::byte> bytes_;
    // Where the last event begins.
    std::size_t last_ = 0;
};

int opened() { return open_file("/dev/null", O_RDONLY).release(); }
bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

TEST(FileEvents, SayWhoWroteWhat) {
    Events events;
    const int file = opened();
    const int process = opened();
    events.add(FAN_CLOSE_WRITE, file, 4242, process);
    {
        const std::vector<FileEvent> taken = events.take();
        ASSERT_EQ(taken.size(), 1U);
        EXPECT_FALSE(taken[0].overflow);
        EXPECT_EQ(taken[0].pid, 4242);
        EXPECT_EQ(taken[0].file.get(), file);
        EXPECT_EQ(taken[0].process.get(), process);
    }
    EXPECT_FALSE(is_open(file));
    EXPECT_FALSE(is_open(process));
}

TEST(FileEvents, TellOfFilesByTheirHandles) {
    using namespace std::string_literals;
    Events events;
    events.add(FAN_CLOSE_WRITE, FAN_NOFD, 4242, FAN_NOPIDFD);
    events.add_handle(FAN_EVENT_INFO_TYPE_DFID_NAME, 99, "folder", "a name\0\0\0"s);
    events.add_handle(FAN_EVENT_INFO_TYPE_FID, 99, "the file", "");
    const std::vector<FileEvent> taken = events.take();
    ASSERT_EQ(taken.size(), 1U);
    EXPECT_FALSE(taken[0].file);
    EXPECT_EQ(taken[0].handles.file_system, 99U);
    EXPECT_EQ(taken[0].handles.file.bytes, "the file");
    EXPECT_EQ(taken[0].handles.file.type, 7);
    EXPECT_EQ(taken[0].handles.folder.bytes, "folder");
    EXPECT_EQ(taken[0].handles.name, "a name");
}

TEST(FileEvents, HaveNoHandleThatIsLongerThanItsRecord) {
    Events events;
    events.add(FAN_CLOSE_WRITE, FAN_NOFD, 4242, std::nullopt);
    events.add_handle(FAN_EVENT_INFO_TYPE_FID, 99, "", "");
    events.set_handle_size(1);
    const std::vector<FileEvent> taken = events.take();
    ASSERT_EQ(taken.size(), 1U);
    EXPECT_EQ(taken[0].handles.file.bytes, "");
}

TEST(FileEvents, OfProcessesThatAreGoneHaveNoPidfd) {
    Events events;
    events.add(FAN_CLOSE_WRITE, opened(), 1, FAN_NOPIDFD);
    events.add(FAN_CLOSE_WRITE, opened(), 2, FAN_EPIDFD);
    events.add(FAN_CLOSE_WRITE, opened(), 3, std::nullopt);
    const std::vector<FileEvent> taken = events.take();
    ASSERT_EQ(taken.size(), 3U);
    for (const FileEvent& event : taken) {
        EXPECT_TRUE(event.file);
        EXPECT_FALSE(event.process);
    }
}

TEST(FileEvents, TellOfAnOverflow) {
    Events events;
    events.add(FAN_Q_OVERFLOW, FAN_NOFD, 0, FAN_NOPIDFD);
    events.add(FAN_CLOSE_WRITE, opened(), 7, FAN_NOPIDFD);
    const std::vector<FileEvent> taken = events.take();
    ASSERT_EQ(taken.size(), 2U);
    EXPECT_TRUE(taken[0].overflow);
    EXPECT_FALSE(taken[0].file);
    EXPECT_FALSE(taken[1].overflow);
}

TEST(FileEvents, EndWhereTheyAreCutOff) {
    Events events;
    events.add(FAN_CLOSE_WRITE, FAN_NOFD, 1, FAN_NOPIDFD);
    events.add(FAN_CLOSE_WRITE, FAN_NOFD, 2, FAN_NOPIDFD);
    events.cut(1);
    EXPECT_EQ(events.take().size(), 1U);
    EXPECT_TRUE(take_file_events({}).empty());
}

} // namespace
} // namespace cedana
