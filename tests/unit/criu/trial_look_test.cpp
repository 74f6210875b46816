// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/criu/trial_look.hpp"

#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "unit/criu/image_bytes.hpp"

namespace cedana::criu {
namespace {

using testing::field;
using testing::image;

// criu/include/magic.h
constexpr std::uint32_t k_files_magic = 0x56303138;
constexpr std::uint32_t k_remap_magic = 0x59133954;
constexpr std::uint32_t k_locks_magic = 0x54323616;
constexpr std::uint32_t k_tty_magic = 0x59453036;
constexpr std::uint32_t k_mm_magic = 0x57492820;
// images/fdinfo.proto: the numbers of the kinds.
constexpr unsigned k_reg = 3;
constexpr unsigned k_inet = 4;
constexpr unsigned k_unix = 16;

std::string entry(unsigned kind, const std::string& message) {
    return field(1, 1) + field(2, 7) + field(kind, message);
}

std::string regular(const std::string& path, unsigned flags, unsigned mode, std::uint64_t size = 0) {
    return entry(k_reg, field(1, 7) + field(2, flags) + field(6, path) + field(8, size) + field(10, mode));
}

std::string inet(std::uint64_t type, std::uint64_t state, std::uint64_t to, const std::string& more = {}) {
    return entry(k_inet, field(4, type) + field(6, state) + field(7, 80) + field(8, to) + more);
}

std::string unix_socket(std::uint64_t flags, const std::string& name) {
    return entry(k_unix, field(6, flags) + field(11, name));
}

TrialLook look_at(const std::vector<std::string>& files) {
    return look_for_trial({.files = image(k_files_magic, files)});
}

TEST(TrialLook, FindsNothingInATreeWithoutImages) {
    const TrialLook look = look_for_trial({});
    EXPECT_TRUE(look.reasons.empty());
    EXPECT_TRUE(look.written.empty());
}

TEST(TrialLook, TellsWhatIsWrittenFromWhatIsRead) {
    const TrialLook look = look_at(
        {regular("/usr/bin/app", O_RDONLY, S_IFREG | 0755, 100), regular("/tmp/log", O_WRONLY, S_IFREG | 0640, 5),
         regular("/tmp/log", O_RDWR, S_IFREG | 0640, 5), regular("/tmp", O_RDONLY, S_IFDIR | 0755)});
    EXPECT_TRUE(look.reasons.empty());
    EXPECT_EQ(look.written, (std::vector<WrittenInTrial>{{.path = "/tmp/log", .size = 5, .mode = S_IFREG | 0640}}));
    EXPECT_EQ(look.read, std::vector<std::string>{"/usr/bin/app"});
}

TEST(TrialLook, LeavesAloneWhatTheKernelMakesUp) {
    const TrialLook look = look_at({regular("/proc/self/oom_score_adj", O_RDWR, S_IFREG | 0644),
                                    regular("/sys/kernel/mm/ksm/run", O_RDWR, S_IFREG | 0644)});
    EXPECT_TRUE(look.reasons.empty());
    EXPECT_TRUE(look.written.empty());
}

TEST(TrialLook, TakesDevicesThatKeepNothingAndTerminals) {
    EXPECT_TRUE(
        look_at({regular("/dev/null", O_RDWR, S_IFCHR | 0666), regular("/dev/urandom", O_RDONLY, S_IFCHR | 0666),
                 regular("/dev/pts/3", O_RDWR, S_IFCHR | 0620), regular("/dev/ptmx", O_RDWR, S_IFCHR | 0666)})
            .reasons.empty());
}

TEST(TrialLook, TakesSocketsThatNobodyOutsideSees) {
    EXPECT_TRUE(look_at({inet(SOCK_STREAM, 10, 0), inet(SOCK_STREAM, 7, 0), inet(SOCK_DGRAM, 7, 0),
                         unix_socket(0, std::string("\0abstract", 9)), unix_socket(0, "")})
                    .reasons.empty());
}

struct Refusal {
    std::string name;
    std::string file;
    std::string word;
};

class TrialLookRefuses : public ::testing::TestWithParam<Refusal> {};

TEST_P(TrialLookRefuses, WithItsReason) {
    const TrialLook look = look_at({GetParam().file});
    ASSERT_EQ(look.reasons.size(), 1U);
    EXPECT_NE(look.reasons.front().find(GetParam().word), std::string::npos) << look.reasons.front();
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, TrialLookRefuses,
    ::testing::Values(
        Refusal{"unix_path", unix_socket(0, "/run/a.sock"), "unix socket in a folder (/run/a.sock)"},
        Refusal{"unix_outside", unix_socket(1, "/run/log"), "unix socket outside"},
        Refusal{"established", inet(SOCK_STREAM, 1, 4242), "connection (from port 80 to port 4242)"},
        Refusal{"close_wait", inet(SOCK_STREAM, 8, 4242), "connection"},
        Refusal{"connected_udp", inet(SOCK_DGRAM, 1, 53), "connection (from port 80 to port 53)"},
        Refusal{"bound_to_device", inet(SOCK_STREAM, 10, 0, field(14, field(15, "eth0"))), "bound to a network device"},
        Refusal{"link_local", inet(SOCK_STREAM, 10, 0, field(17, "eth0")), "bound to a network device"},
        Refusal{"fifo", regular("/run/f", O_RDWR, S_IFIFO | 0644), "FIFO open (/run/f)"},
        Refusal{"device", regular("/dev/kmsg", O_WRONLY, S_IFCHR | 0644), "device open (/dev/kmsg)"},
        Refusal{"block_device", regular("/dev/sda", O_RDONLY, S_IFBLK | 0660), "device open (/dev/sda)"},
        Refusal{"external", entry(k_reg, field(6, "/x") + field(9, 1)), "outside of its file systems"},
        Refusal{"packet", entry(6, field(1, 7)), "packet socket"}, Refusal{"tun", entry(11, field(1, 7)), "TUN"},
        Refusal{"plugin", entry(15, field(1, 7)), "plugin"}, Refusal{"fanotify", entry(14, field(1, 7)), "fanotify"},
        Refusal{"bpf", entry(21, field(1, 7)), "BPF"}, Refusal{"fifo_without_a_name", entry(17, field(1, 7)), "FIFO"}),
    [](const auto& one) { return one.param.name; });

TEST(TrialLook, NamesAFifoOnce) {
    EXPECT_EQ(look_at({regular("/run/f", O_RDWR, S_IFIFO | 0644), entry(17, field(1, 7) + field(3, 7))}).reasons,
              std::vector<std::string>{"it has a FIFO open (/run/f)"});
}

TEST(TrialLook, RefusesDeletedFilesAndThoseWithALostName) {
    const auto reasons_of = [](const std::string& remap) {
        return look_for_trial({.remaps = image(k_remap_magic, {field(1, 7) + field(2, 8) + remap})}).reasons;
    };
    EXPECT_EQ(reasons_of(field(3, 1)), std::vector<std::string>{"it has a deleted file open or mapped"});
    EXPECT_EQ(reasons_of(""), std::vector<std::string>{"it has a deleted file open or mapped"});
    ASSERT_EQ(reasons_of(field(3, std::uint64_t{0})).size(), 1U);
    EXPECT_NE(reasons_of(field(3, std::uint64_t{0})).front().find("link_remap"), std::string::npos);
    // What is open in /proc of a process that has ended.
    EXPECT_TRUE(reasons_of(field(3, 2)).empty());
}

TEST(TrialLook, RefusesLocksAndNotTheirAbsence) {
    EXPECT_TRUE(look_for_trial({.file_locks = image(k_locks_magic, {})}).reasons.empty());
    EXPECT_EQ(look_for_trial({.file_locks = image(k_locks_magic, {field(1, 1) + field(2, 1)})}).reasons,
              std::vector<std::string>{"it holds a lock or a lease on a file"});
}

TEST(TrialLook, TakesPseudoTerminalsAndRefusesConsoles) {
    const auto reasons_of = [](std::uint64_t type) {
        return look_for_trial({.terminals = image(k_tty_magic, {field(1, 1) + field(2, type)})}).reasons;
    };
    EXPECT_TRUE(reasons_of(1).empty());
    EXPECT_TRUE(reasons_of(4).empty());
    for (const std::uint64_t type : {2U, 3U, 5U, 6U})
        EXPECT_EQ(reasons_of(type).size(), 1U) << type;
}

TEST(TrialLook, RefusesDamagedImages) {
    EXPECT_THROW(static_cast<void>(look_for_trial({.files = image(k_mm_magic, {})})), Error);
}

TEST(TrialLook, SeesHugePages) {
    const auto mapping = [](std::uint64_t flags) {
        return image(k_mm_magic, {field(14, field(1, 0x1000) + field(2, 0x2000) + field(6, flags))});
    };
    EXPECT_FALSE(has_huge_pages(""));
    EXPECT_FALSE(has_huge_pages(mapping(MAP_PRIVATE)));
    EXPECT_TRUE(has_huge_pages(mapping(MAP_PRIVATE | MAP_HUGETLB)));
}

} // namespace
} // namespace cedana::criu
