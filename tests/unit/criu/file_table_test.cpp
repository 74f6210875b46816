// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/criu/file_table.hpp"

#include <string>

#include <gtest/gtest.h>

#include <netinet/in.h>
#include <sys/socket.h>

#include "unit/criu/image_bytes.hpp"

namespace cedana::criu {
namespace {

using testing::field;

constexpr std::uint32_t k_files = 0x56303138;
constexpr std::uint32_t k_remaps = 0x59133954;

FileTable table_of(unsigned kind, const std::string& entry, unsigned id = 7) {
    return parse_file_table(testing::image(k_files, {field(1, 1) + field(2, id) + field(kind, entry)}));
}

std::string inet(unsigned state, unsigned remote_port) {
    return field(1, 28) + field(2, 1234) + field(3, AF_INET) + field(4, SOCK_STREAM) + field(5, IPPROTO_TCP) +
           field(6, state) + field(7, 39883) + field(8, remote_port) + field(11, htonl(INADDR_LOOPBACK)) +
           field(14, field(7, 1) + field(15, "eth0") + field(17, 1)) + field(15, 1) + field(17, "lo");
}

TEST(FileTable, HasInetSocketsWithTheirAddresses) {
    const FileTable table = table_of(4, inet(k_state_listening, 0));
    ASSERT_EQ(table.inet.size(), 1U);
    const DumpedInet& socket = table.inet.front();
    EXPECT_EQ(socket.family, AF_INET);
    EXPECT_EQ(socket.type, SOCK_STREAM);
    EXPECT_EQ(socket.protocol, IPPROTO_TCP);
    EXPECT_EQ(socket.state, k_state_listening);
    EXPECT_EQ(socket.local, (InetEnd{.address = {htonl(INADDR_LOOPBACK)}, .port = 39883}));
    EXPECT_TRUE(socket.only_v6);
    EXPECT_EQ(socket.device, "eth0");
    EXPECT_TRUE(socket.reuses_address);
    EXPECT_TRUE(socket.reuses_port);
    EXPECT_EQ(socket.interface, "lo");
    EXPECT_EQ(socket.inode, 1234U);
    EXPECT_FALSE(socket.is_connection());
}

TEST(FileTable, TakesAClosedSocketThatKnowsItsPeerForAConnection) {
    EXPECT_TRUE(table_of(4, inet(k_state_closed, 80)).inet.front().is_connection());
    EXPECT_FALSE(table_of(4, inet(k_state_closed, 0)).inet.front().is_connection());
}

TEST(FileTable, HasTheFourWordsOfAnAddressOfIPv6) {
    std::string entry = field(3, AF_INET6);
    for (const unsigned word : {1U, 2U, 3U, 4U, 5U})
        entry += field(11, word);
    EXPECT_EQ(table_of(4, entry).inet.front().local.address, (std::array<std::uint32_t, 4>{1, 2, 3, 4}));
}

DumpedUnix unix_one(const std::string& name, unsigned type, unsigned state, const std::string& more = {}) {
    return table_of(16, field(3, type) + field(4, state) + field(11, name) + more).unix_ones.front();
}

TEST(FileTable, TellsPathsOfUnixSocketsAsTheyWereBound) {
    using namespace std::string_literals;
    EXPECT_EQ(unix_one("/run/a.sock\0"s, SOCK_STREAM, k_state_listening).path(), "/run/a.sock");
    EXPECT_EQ(unix_one("a.sock\0"s, SOCK_STREAM, k_state_listening, field(14, "/run")).path(), "/run/a.sock");
    const DumpedUnix abstract = unix_one("\0a\0b"s, SOCK_DGRAM, k_state_closed);
    EXPECT_TRUE(abstract.is_abstract());
    EXPECT_EQ(abstract.name, "\0a\0b"s);
    EXPECT_EQ(abstract.path(), "");
}

TEST(FileTable, KnowsWhichUnixSocketsAreBoundAnew) {
    EXPECT_TRUE(unix_one("/a", SOCK_STREAM, k_state_listening).is_bound_anew());
    EXPECT_TRUE(unix_one("/a", SOCK_DGRAM, k_state_established).is_bound_anew());
    // It was accepted.
    EXPECT_FALSE(unix_one("/a", SOCK_STREAM, k_state_established).is_bound_anew());
    EXPECT_FALSE(unix_one("", SOCK_DGRAM, k_state_closed).is_bound_anew());
    EXPECT_FALSE(unix_one("/a", SOCK_DGRAM, k_state_closed, field(6, 1)).is_bound_anew());
    EXPECT_TRUE(unix_one("/a", SOCK_DGRAM, k_state_closed, field(15, 1)).is_deleted);
}

TEST(FileTable, HasFilesWithModeAndBuildId) {
    const FileTable table = table_of(3, field(1, 7) + field(6, "/usr/bin/a") + field(10, 0100755) +
                                            field(11, 0x44434241) + field(11, 0x45));
    EXPECT_EQ(table.files.at(7).path, "/usr/bin/a");
    EXPECT_EQ(table.files.at(7).mode, 0100755U);
    EXPECT_EQ(table.files.at(7).build_id, std::string("ABCDE\0\0\0", 8));
    EXPECT_FALSE(table_of(3, field(6, "/a")).files.at(7).mode);
}

TEST(FileTable, ThatIsCutShortIsRefused) {
    const std::string whole = testing::image(k_files, {field(2, 7) + field(4, inet(1, 2))});
    EXPECT_THROW(static_cast<void>(parse_file_table(whole.substr(0, whole.size() - 1))), Error);
}

TEST(Remaps, TellLinksFromContentsThatAreInTheCheckpoint) {
    const auto remaps =
        parse_remaps(testing::image(k_remaps, {field(1, 5) + field(2, 6), field(1, 8) + field(2, 9) + field(3, 0),
                                               field(1, 3) + field(2, 1) + field(3, 1)}));
    ASSERT_EQ(remaps.size(), 3U);
    EXPECT_EQ(remaps[0].file, 5U);
    EXPECT_EQ(remaps[0].link, 6U);
    EXPECT_EQ(remaps[1].link, 9U);
    EXPECT_FALSE(remaps[2].link);
}

} // namespace
} // namespace cedana::criu
