// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/base/netlink.hpp"
#include "cedana/base/unique_fd.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

namespace cedana {
namespace {

using namespace std::string_view_literals;

NetlinkRequest question(unsigned flags, int interface = 0) {
    ifinfomsg about{};
    about.ifi_index = interface;
    NetlinkRequest request(RTM_GETLINK, NLM_F_REQUEST | flags);
    request.header(about);
    return request;
}

std::string name_of(const NetlinkMessage& message) {
    for (const NetlinkAttribute& attribute : message.attributes(sizeof(ifinfomsg)))
        if (attribute.type == IFLA_IFNAME)
            return std::string(attribute.value.substr(0, attribute.value.find('\0')));
    return "";
}

// Messages one behind the other, in memory that is aligned for them.
class Datagram {
  public:
    Datagram& add(unsigned type, unsigned flags, std::string_view body) {
        const nlmsghdr header{.nlmsg_len = static_cast<std::uint32_t>(sizeof header + body.size()),
                              .nlmsg_type = static_cast<std::uint16_t>(type),
                              .nlmsg_flags = static_cast<std::uint16_t>(flags),
                              .nlmsg_seq = 0,
                              .nlmsg_pid = 0};
        bytes_.append(reinterpret_cast<const char*>(&header), sizeof header).append(body);
        bytes_.resize((bytes_.size() + 3) / 4 * 4);
        return *this;
    }
    [[nodiscard]] std::span<const std::byte> bytes() const { return std::as_bytes(std::span(bytes_)); }

  private:
    // From the start more than fits into the object itself.
    std::string bytes_ = [] {
        std::string room;
        room.reserve(1024);
        return room;
    }();
};

std::string bytes_of(int number) { return {reinterpret_cast<const char*>(&number), sizeof number}; }

constexpr unsigned k_type = RTM_NEWLINK;

TEST(NetlinkSocket, ListsWhatTheKernelHas) {
    const std::vector<NetlinkMessage> links = NetlinkSocket(NETLINK_ROUTE).list(question(NLM_F_DUMP));
    EXPECT_EQ(std::ranges::count(links, "lo", name_of), 1);
}

TEST(NetlinkSocket, ListsAsOftenAsItIsAsked) {
    NetlinkSocket socket(NETLINK_ROUTE);
    const auto first = socket.list(question(NLM_F_DUMP));
    EXPECT_EQ(socket.list(question(NLM_F_DUMP)).size(), first.size());
}

TEST(NetlinkSocket, GivesTheErrorOfTheKernel) {
    const std::array requests = {question(NLM_F_ACK, 0x7FFFFFFF)};
    EXPECT_EQ(NetlinkSocket(NETLINK_ROUTE).acknowledged(requests), ENODEV);
}

TEST(NetlinkSocket, IsAcknowledged) {
    NetlinkSocket socket(NETLINK_ROUTE);
    EXPECT_EQ(socket.acknowledged(std::array{NetlinkRequest(NLMSG_NOOP, NLM_F_REQUEST | NLM_F_ACK)}), 0);
}

TEST(NetlinkSocket, OfAProtocolThatThereIsNotIsAnError) { EXPECT_THROW(NetlinkSocket(MAX_LINKS + 1), Error); }

TEST(NetlinkSocket, ThatDoesNotWaitHasNothingUnlessSomethingCame) {
    NetlinkSocket socket(NETLINK_ROUTE, NetlinkSocket::Reading::returns_at_once);
    EXPECT_FALSE(socket.receive());
    EXPECT_FALSE(socket.has_gaps());
}

TEST(NetlinkSocket, TellsOfWhatWasThrownAwayUnread) {
    NetlinkSocket socket(NETLINK_USERSOCK, NetlinkSocket::Reading::returns_at_once, 1);
    socket.keep_unread(4096);
    const UniqueFd speaker(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_USERSOCK));
    sockaddr_nl everybody{};
    everybody.nl_family = AF_NETLINK;
    everybody.nl_groups = 1;
    const std::string body(1000, 'x');
    Datagram datagram;
    datagram.add(k_type, 0, body);
    constexpr int k_too_many = 100;
    for (int i = 0; i < k_too_many; ++i)
        static_cast<void>(::sendto(speaker.get(), datagram.bytes().data(), datagram.bytes().size(), 0,
                                   reinterpret_cast<const sockaddr*>(&everybody), sizeof everybody));
    int heard = 0;
    while (const auto messages = socket.receive()) {
        ASSERT_EQ(messages->size(), 1U);
        EXPECT_EQ(messages->front().body, body);
        ++heard;
    }
    EXPECT_GT(heard, 0);
    EXPECT_LT(heard, k_too_many);
    EXPECT_TRUE(socket.has_gaps());
}

TEST(NetlinkAnswer, GoesOnUntilItsEnd) {
    NetlinkAnswer answer;
    answer.take(Datagram().add(k_type, NLM_F_MULTI, "one.").add(k_type, NLM_F_MULTI, "two").bytes());
    EXPECT_EQ(answer.error, std::nullopt);
    answer.take(Datagram().add(k_type, NLM_F_MULTI, "three").add(NLMSG_DONE, NLM_F_MULTI, bytes_of(0)).bytes());
    EXPECT_EQ(answer.error, 0);
    EXPECT_FALSE(answer.interrupted);
    ASSERT_EQ(answer.messages.size(), 3U);
    EXPECT_EQ(answer.messages[1].body, "two");
    EXPECT_EQ(answer.messages[2].body, "three");
}

TEST(NetlinkAnswer, KnowsThatWhatWasAskedForChangedMeanwhile) {
    NetlinkAnswer answer;
    answer.take(Datagram().add(k_type, NLM_F_MULTI, "one").bytes());
    answer.take(Datagram().add(NLMSG_DONE, NLM_F_MULTI | NLM_F_DUMP_INTR, bytes_of(0)).bytes());
    EXPECT_TRUE(answer.interrupted);
}

TEST(NetlinkAnswer, ThatFailsOnItsWayHasTheErrorAtItsEnd) {
    NetlinkAnswer answer;
    answer.take(Datagram().add(NLMSG_DONE, NLM_F_MULTI, bytes_of(-ENOMEM)).bytes());
    EXPECT_EQ(answer.error, ENOMEM);
}

TEST(NetlinkAnswer, OfAnErrorWithoutANumberIsAnError) {
    NetlinkAnswer answer;
    answer.take(Datagram().add(NLMSG_ERROR, 0, "").bytes());
    EXPECT_EQ(answer.error, EBADMSG);
}

TEST(NetlinkMessages, ThatAreCutOffAreNone) {
    Datagram datagram;
    const std::size_t first = datagram.add(k_type, 0, "first...").bytes().size();
    datagram.add(k_type, 0, "second..");
    for (std::size_t size = 0; size < datagram.bytes().size(); ++size)
        EXPECT_EQ(netlink_messages(datagram.bytes().first(size)).size(), size < first ? 0U : 1U) << size;
}

TEST(NetlinkMessages, HaveTheAttributesBehindTheirHeader) {
    // Two attributes, the second of them cut off, behind a header of 8 bytes.
    const NetlinkMessage message{.type = k_type,
                                 .body = std::string("12345678\x06\x00\x03\x80"
                                                     "ab\0\0\x09\x00\x04\x00xyz"sv)};
    const std::vector<NetlinkAttribute> attributes = message.attributes(8);
    ASSERT_EQ(attributes.size(), 1U);
    EXPECT_EQ(attributes[0].type, 3U);
    EXPECT_EQ(attributes[0].value, "ab");
    EXPECT_TRUE(message.attributes(400).empty());
}

TEST(NetlinkAttribute, ThatIsTooShortIsFilledWithZeros) {
    EXPECT_EQ((NetlinkAttribute{.value = "\x01\x02"sv}.as<std::uint32_t>()), 0x0201U);
}

TEST(NetlinkRequest, ThatIsTooLongIsRefused) {
    NetlinkRequest request(k_type, 0);
    EXPECT_THROW(request.text(1, std::string(2000, 'x')), Error);
    EXPECT_THROW(request.header(std::array<char, 2000>{}), Error);
}

} // namespace
} // namespace cedana
