// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/netlink.hpp"

#include "cedana/base/error.hpp"

#include <cerrno>

#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/time.h>

namespace cedana {

namespace {

// The longest datagram of a list is 32 KiB (net/netlink/af_netlink.c).
constexpr std::size_t k_longest_datagram = 64UL * 1024;

template <typename Take>
void for_each_message(std::span<const std::byte> datagram, Take&& take) {
    auto rest = static_cast<int>(datagram.size());
    const auto* message = reinterpret_cast<const nlmsghdr*>(datagram.data());
    for (; mnl_nlmsg_ok(message, rest); message = mnl_nlmsg_next(message, &rest))
        take(*message);
}

NetlinkMessage copy_of(const nlmsghdr& message) {
    return {.type = message.nlmsg_type,
            .body = {static_cast<const char*>(mnl_nlmsg_get_payload(&message)), mnl_nlmsg_get_payload_len(&message)}};
}

nlmsghdr* header_in(std::span<std::byte> buffer) { return reinterpret_cast<nlmsghdr*>(buffer.data()); }

[[noreturn]] void throw_too_long() { throw Error(Fault::internal, "a message for the kernel is too long"); }

} // namespace

std::vector<NetlinkAttribute> NetlinkMessage::attributes(std::size_t header_size) const {
    std::vector<NetlinkAttribute> all;
    const std::size_t start = MNL_ALIGN(header_size);
    if (start >= body.size())
        return all;
    // A string's own memory, which is aligned for anything.
    const char* const end = body.data() + body.size();
    const auto* attribute = reinterpret_cast<const nlattr*>(body.data() + start);
    for (; mnl_attr_ok(attribute, static_cast<int>(end - reinterpret_cast<const char*>(attribute)));
         attribute = mnl_attr_next(attribute))
        all.push_back({.type = mnl_attr_get_type(attribute),
                       .value = {static_cast<const char*>(mnl_attr_get_payload(attribute)),
                                 mnl_attr_get_payload_len(attribute)}});
    return all;
}

std::vector<NetlinkMessage> netlink_messages(std::span<const std::byte> datagram) {
    std::vector<NetlinkMessage> messages;
    for_each_message(datagram, [&](const nlmsghdr& message) { messages.push_back(copy_of(message)); });
    return messages;
}

NetlinkRequest::NetlinkRequest(unsigned type, unsigned flags) {
    nlmsghdr* const header = mnl_nlmsg_put_header(buffer_.data());
    header->nlmsg_type = static_cast<std::uint16_t>(type);
    header->nlmsg_flags = static_cast<std::uint16_t>(flags);
}

NetlinkRequest& NetlinkRequest::put_header(std::span<const std::byte> bytes) {
    nlmsghdr* const header = header_in(buffer_);
    if (header->nlmsg_len + MNL_ALIGN(bytes.size()) > k_size)
        throw_too_long();
    std::memcpy(mnl_nlmsg_put_extra_header(header, bytes.size()), bytes.data(), bytes.size());
    return *this;
}

NetlinkRequest& NetlinkRequest::text(unsigned attribute, const std::string& value) {
    if (!mnl_attr_put_strz_check(header_in(buffer_), k_size, static_cast<std::uint16_t>(attribute), value.c_str()))
        throw_too_long();
    return *this;
}

NetlinkRequest& NetlinkRequest::data(unsigned attribute, std::span<const std::byte> value) {
    if (!mnl_attr_put_check(header_in(buffer_), k_size, static_cast<std::uint16_t>(attribute), value.size(),
                            value.data()))
        throw_too_long();
    return *this;
}

std::size_t NetlinkRequest::begin_nested(unsigned attribute) {
    const nlattr* const start =
        mnl_attr_nest_start_check(header_in(buffer_), k_size, static_cast<std::uint16_t>(attribute));
    if (start == nullptr)
        throw_too_long();
    return static_cast<std::size_t>(reinterpret_cast<const std::byte*>(start) - buffer_.data());
}

NetlinkRequest& NetlinkRequest::end_nested(std::size_t start) {
    mnl_attr_nest_end(header_in(buffer_), reinterpret_cast<nlattr*>(buffer_.data() + start));
    return *this;
}

std::span<const std::byte> NetlinkRequest::bytes() const noexcept {
    return std::span(buffer_).first(reinterpret_cast<const nlmsghdr*>(buffer_.data())->nlmsg_len);
}

void NetlinkAnswer::take(std::span<const std::byte> datagram) {
    for_each_message(datagram, [&](const nlmsghdr& header) {
        if (error)
            return;
        interrupted = interrupted || (header.nlmsg_flags & NLM_F_DUMP_INTR) != 0;
        NetlinkMessage message = copy_of(header);
        if (header.nlmsg_type == NLMSG_ERROR)
            error = message.body.size() < sizeof(int) ? EBADMSG : -message.header<int>();
        else if (header.nlmsg_type == NLMSG_DONE)
            // Of a list that fails on its way the end tells why; others have 0 or nothing there.
            error = -message.header<int>();
        else if (header.nlmsg_type >= NLMSG_MIN_TYPE)
            messages.push_back(std::move(message));
    });
}

void NetlinkSocket::Close::operator()(mnl_socket* socket) const noexcept { mnl_socket_close(socket); }

NetlinkSocket::NetlinkSocket(int protocol, Reading reading, unsigned groups)
    : socket_(mnl_socket_open2(protocol, SOCK_CLOEXEC | (reading == Reading::waits ? 0 : SOCK_NONBLOCK))),
      buffer_(k_longest_datagram / sizeof(std::uint64_t)) {
    const timeval limit{.tv_sec = 5, .tv_usec = 0};
    if (!socket_ || mnl_socket_bind(socket_.get(), groups, MNL_SOCKET_AUTOPID) != 0 ||
        ::setsockopt(fd(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0)
        throw OsFailure().error("cannot open a netlink socket");
}

int NetlinkSocket::fd() const noexcept { return mnl_socket_get_fd(socket_.get()); }

void NetlinkSocket::keep_unread(int bytes) {
    if (::setsockopt(fd(), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0)
        static_cast<void>(::setsockopt(fd(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes));
}

void NetlinkSocket::send(std::span<const std::byte> messages) {
    if (mnl_socket_sendto(socket_.get(), messages.data(), messages.size()) < 0)
        throw OsFailure().error("cannot ask the kernel over netlink");
}

std::span<const std::byte> NetlinkSocket::receive_datagram() {
    while (true) {
        const auto space = std::as_writable_bytes(std::span(buffer_));
        const ssize_t count = mnl_socket_recvfrom(socket_.get(), space.data(), space.size());
        const int err = errno;
        if (count >= 0)
            return space.first(static_cast<std::size_t>(count));
        if (err == EAGAIN)
            return {};
        if (err == ENOBUFS)
            has_gaps_ = true;
        else if (err != EINTR)
            throw os_error(err, "cannot read from a netlink socket");
    }
}

std::optional<std::vector<NetlinkMessage>> NetlinkSocket::receive() {
    const std::span<const std::byte> datagram = receive_datagram();
    return datagram.empty() ? std::nullopt : std::optional(netlink_messages(datagram));
}

NetlinkAnswer NetlinkSocket::ask(std::span<const std::byte> messages) {
    send(messages);
    NetlinkAnswer answer;
    while (!answer.error) {
        const std::span<const std::byte> datagram = receive_datagram();
        if (datagram.empty())
            throw os_error(ETIMEDOUT, "the kernel does not answer over netlink");
        answer.take(datagram);
        answer.interrupted = answer.interrupted || has_gaps_;
    }
    return answer;
}

std::vector<NetlinkMessage> NetlinkSocket::list(const NetlinkRequest& request) {
    constexpr int k_attempts = 10;
    for (int attempt = 0; attempt < k_attempts; ++attempt) {
        has_gaps_ = false;
        NetlinkAnswer answer = ask(request.bytes());
        if (*answer.error != 0)
            throw os_error(*answer.error, "the kernel refuses to answer over netlink");
        if (!answer.interrupted)
            return std::move(answer.messages);
    }
    throw os_error(EINTR, "what the kernel was asked for over netlink changes all the time");
}

int NetlinkSocket::acknowledged(std::span<const NetlinkRequest> requests) {
    std::vector<std::byte> bytes;
    for (const NetlinkRequest& request : requests)
        bytes.insert(bytes.end(), request.bytes().begin(), request.bytes().end());
    return *ask(bytes).error;
}

} // namespace cedana
