// SPDX-License-Identifier: Apache-2.0
// What the kernel is asked, and tells, over netlink(7), by libmnl: messages of a header of their own and of attributes.
// What a message is about is its user's to know. All throw Error with the errno that the kernel gave.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct mnl_socket;

namespace cedana {

struct NetlinkAttribute {
    unsigned type = 0;
    std::string_view value = {};

    // The value as a number or a structure; zeros where it is shorter.
    template <typename Value>
    [[nodiscard]] Value as() const {
        Value result{};
        std::memcpy(&result, value.data(), value.size() < sizeof result ? value.size() : sizeof result);
        return result;
    }
};

// One that was received.
struct NetlinkMessage {
    std::uint16_t type = 0;
    std::string body;

    // The structure that the body begins with; zeros where it is shorter.
    template <typename Header>
    [[nodiscard]] Header header() const {
        return NetlinkAttribute{.value = body}.as<Header>();
    }
    // What stands behind a header of this size, as far as it is well formed; refers to the message.
    [[nodiscard]] std::vector<NetlinkAttribute> attributes(std::size_t header_size) const;
};
// The messages of one datagram, which must be aligned as a message is; as far as it is well formed.
[[nodiscard]] std::vector<NetlinkMessage> netlink_messages(std::span<const std::byte> datagram);

// One that is to be sent. What does not fit into 1 KiB is an Error(Fault::internal).
class NetlinkRequest {
  public:
    NetlinkRequest(unsigned type, unsigned flags);

    template <typename Header>
    NetlinkRequest& header(const Header& value) {
        return put_header(std::as_bytes(std::span(&value, 1)));
    }
    NetlinkRequest& text(unsigned attribute, const std::string& value);
    NetlinkRequest& data(unsigned attribute, std::span<const std::byte> value);
    // What `fill` adds to it stands inside of the attribute.
    template <typename Fill>
    NetlinkRequest& nested(unsigned attribute, Fill&& fill) {
        const std::size_t start = begin_nested(attribute);
        fill(*this);
        return end_nested(start);
    }
    [[nodiscard]] std::span<const std::byte> bytes() const noexcept;

  private:
    NetlinkRequest& put_header(std::span<const std::byte> bytes);
    // Where it stands.
    [[nodiscard]] std::size_t begin_nested(unsigned attribute);
    NetlinkRequest& end_nested(std::size_t start);

    static constexpr std::size_t k_size = 1024;
    alignas(std::uint64_t) std::array<std::byte, k_size> buffer_{};
};

// What the kernel answers to one question, in as many datagrams as it takes.
struct NetlinkAnswer {
    std::vector<NetlinkMessage> messages = {};
    // What was asked for changed meanwhile, so that something may be missing or there twice (NLM_F_DUMP_INTR).
    bool interrupted = false;
    // As the kernel gives it, 0 for an acknowledgement and for the end of a list. Absent: more is to come.
    std::optional<int> error = std::nullopt;

    void take(std::span<const std::byte> datagram);
};

class NetlinkSocket {
  public:
    enum class Reading { waits, returns_at_once };

    // `protocol`: NETLINK_ROUTE and the like; `groups`: a mask of what is to be heard of.
    explicit NetlinkSocket(int protocol, Reading reading = Reading::waits, unsigned groups = 0);

    [[nodiscard]] int fd() const noexcept;
    // How much the kernel keeps while nobody reads, as far as it permits that.
    void keep_unread(int bytes);

    void send(std::span<const std::byte> messages);
    // One that waits: for up to five seconds, so that a kernel which does not answer cannot hold up a dump. Absent if
    // nothing is there for one that returns at once.
    [[nodiscard]] std::optional<std::vector<NetlinkMessage>> receive();
    // The kernel threw something away because nobody read it (ENOBUFS).
    [[nodiscard]] bool has_gaps() const noexcept { return has_gaps_; }

    // Everything that the request asks for (NLM_F_DUMP); asked for again when it changed meanwhile, a few times.
    [[nodiscard]] std::vector<NetlinkMessage> list(const NetlinkRequest& request);
    // Sends these at once; the error that the kernel answered, 0 for an acknowledgement (NLM_F_ACK).
    [[nodiscard]] int acknowledged(std::span<const NetlinkRequest> requests);

  private:
    struct Close {
        void operator()(mnl_socket* socket) const noexcept;
    };

    [[nodiscard]] NetlinkAnswer ask(std::span<const std::byte> messages);
    // Empty if there is nothing.
    [[nodiscard]] std::span<const std::byte> receive_datagram();

    std::unique_ptr<mnl_socket, Close> socket_;
    std::vector<std::uint64_t> buffer_;
    bool has_gaps_ = false;
};

} // namespace cedana
