// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/network_lock.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/unique_fd.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include <spdlog/fmt/fmt.h>

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>

namespace cedana::criu {

namespace {

constexpr std::string_view k_prefix = "CRIU-";
// CRIU formats "inet CRIU-ID" into 32 bytes, so that the end of a longer id is cut off (criu/netfilter.c).
constexpr std::size_t k_longest_table = 32 - 1 - std::string_view("inet ").size();

constexpr std::size_t aligned(std::size_t length) { return (length + 3) / 4 * 4; }

template <typename Header>
Header header_at(std::string_view bytes) {
    Header header{};
    std::memcpy(&header, bytes.data(), std::min(sizeof header, bytes.size()));
    return header;
}

template <typename Header>
std::string bytes_of(const Header& header) {
    std::string bytes(aligned(sizeof header), '\0');
    std::memcpy(bytes.data(), &header, sizeof header);
    return bytes;
}

std::string message(unsigned type, unsigned flags, std::uint8_t family, std::uint16_t resource,
                    const std::string& attributes) {
    const nfgenmsg body{.nfgen_family = family, .version = NFNETLINK_V0, .res_id = htons(resource)};
    const nlmsghdr header{.nlmsg_len = static_cast<std::uint32_t>(sizeof header + sizeof body + attributes.size()),
                          .nlmsg_type = static_cast<std::uint16_t>(type),
                          .nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags),
                          .nlmsg_seq = 1,
                          .nlmsg_pid = 0};
    return bytes_of(header) + bytes_of(body) + attributes;
}

std::string name_attribute(const std::string& table) {
    const nlattr header{.nla_len = static_cast<std::uint16_t>(sizeof header + table.size() + 1),
                        .nla_type = NFTA_TABLE_NAME};
    std::string bytes = bytes_of(header) + table + '\0';
    bytes.resize(aligned(bytes.size()), '\0');
    return bytes;
}

unsigned tables_message(unsigned type) { return NFNL_SUBSYS_NFTABLES << 8U | type; }

UniqueFd open_netfilter() {
    UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
    // So that a kernel which does not answer cannot hold up a dump.
    const timeval limit{.tv_sec = 5, .tv_usec = 0};
    if (fd)
        ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return fd;
}

bool send_all(int fd, const std::string& messages) {
    return ::send(fd, messages.data(), messages.size(), 0) == static_cast<ssize_t>(messages.size());
}

// The table's name, if a message is about a table of CRIU.
std::optional<std::string> table_in(std::string_view body) {
    body.remove_prefix(std::min(aligned(sizeof(nfgenmsg)), body.size()));
    while (body.size() >= sizeof(nlattr)) {
        const auto attribute = header_at<nlattr>(body);
        if (attribute.nla_len < sizeof(nlattr) || attribute.nla_len > body.size())
            return std::nullopt;
        std::string_view value = body.substr(sizeof(nlattr), attribute.nla_len - sizeof(nlattr));
        if ((attribute.nla_type & NLA_TYPE_MASK) == NFTA_TABLE_NAME && value.starts_with(k_prefix))
            return std::string(value.substr(0, value.find('\0')));
        body.remove_prefix(std::min(aligned(attribute.nla_len), body.size()));
    }
    return std::nullopt;
}

struct Answer {
    std::vector<std::string> tables;
    bool complete = false;
    // As the kernel gives it, 0 for an acknowledgement.
    std::optional<int> error;
};

void take_messages(Answer& answer, std::string_view bytes) {
    while (bytes.size() >= sizeof(nlmsghdr)) {
        const auto header = header_at<nlmsghdr>(bytes);
        if (header.nlmsg_len < sizeof(nlmsghdr) || header.nlmsg_len > bytes.size()) {
            answer.complete = true;
            return;
        }
        const std::string_view body = bytes.substr(sizeof(nlmsghdr), header.nlmsg_len - sizeof(nlmsghdr));
        if (header.nlmsg_type == NLMSG_ERROR)
            answer.error = -header_at<nlmsgerr>(body).error;
        else if (auto table = table_in(body); table && header.nlmsg_type != NLMSG_DONE)
            answer.tables.push_back(std::move(*table));
        answer.complete = answer.complete || header.nlmsg_type == NLMSG_DONE || header.nlmsg_type == NLMSG_ERROR;
        bytes.remove_prefix(std::min(aligned(header.nlmsg_len), bytes.size()));
    }
}

Answer ask(const std::string& messages) {
    const UniqueFd fd = open_netfilter();
    Answer answer;
    if (!fd || !send_all(fd.get(), messages)) {
        answer.error = errno;
        return answer;
    }
    std::array<char, 32768> buffer;
    while (!answer.complete) {
        const ssize_t count = ::recv(fd.get(), buffer.data(), buffer.size(), 0);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0) {
            answer.error = errno;
            return answer;
        }
        take_messages(answer, {buffer.data(), static_cast<std::size_t>(count)});
    }
    return answer;
}

} // namespace

std::optional<std::string> network_lock_of(std::string_view log) {
    // criu/util.c; in a log of a restore the dump's run is named too, in other words.
    constexpr std::string_view k_run = "CRIU run id = ";
    const std::size_t at = log.find(k_run);
    if (at == std::string_view::npos)
        return std::nullopt;
    const std::string_view rest = log.substr(at + k_run.size());
    const std::string_view id = trim(rest.substr(0, rest.find('\n')));
    if (id.empty())
        return std::nullopt;
    return std::string(k_prefix).append(id).substr(0, k_longest_table);
}

std::vector<std::string> network_locks() {
    return ask(message(tables_message(NFT_MSG_GETTABLE), NLM_F_DUMP, NFPROTO_INET, 0, "")).tables;
}

bool remove_network_lock(const std::string& table) {
    // Tables change in batches only (nfnetlink).
    const Answer answer =
        ask(message(NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES, "") +
            message(tables_message(NFT_MSG_DELTABLE), NLM_F_ACK, NFPROTO_INET, 0, name_attribute(table)) +
            message(NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES, ""));
    if (answer.error == 0)
        return true;
    const int err = answer.error.value_or(EPROTO);
    if (err == ENOENT)
        return false;
    throw os_error(err, fmt::format("cannot remove the table {} of nftables", table));
}

} // namespace cedana::criu
