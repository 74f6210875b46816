// SPDX-License-Identifier: Apache-2.0
#include "cedana/undo/connection_hold.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/nftables.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <span>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace cedana {

namespace {

constexpr const char* k_set = "connections";
constexpr std::uint32_t k_set_id = 1;
// SOCCR_MARK of soccr/soccr.h.
constexpr std::uint32_t k_mark_of_criu = 0xC114;

// Where the source's address stands, the destination's behind it.
struct Header {
    std::uint32_t offset = 0;
    std::uint32_t addresses = 0;
};

constexpr std::uint32_t k_ports = 4;

Header header_of(std::uint8_t family) {
    constexpr Header k_ipv4{.offset = 12, .addresses = 2 * sizeof(in_addr)};
    constexpr Header k_ipv6{.offset = 8, .addresses = 2 * sizeof(in6_addr)};
    return family == NFPROTO_IPV4 ? k_ipv4 : k_ipv6;
}

// IPv4 inside of IPv6 is IPv4 on its way.
bool is_ipv4(const criu::DumpedInet& one) {
    const auto& address = one.remote.address;
    return one.family == AF_INET || (address[0] == 0 && address[1] == 0 && address[2] == htonl(0xffff));
}

void append(std::string& key, const void* bytes, std::size_t size) {
    key.append(static_cast<const char*>(bytes), size);
}

void append_address(std::string& key, const criu::DumpedInet& one, const criu::InetEnd& end) {
    if (!is_ipv4(one))
        append(key, end.address.data(), sizeof end.address);
    else
        append(key, &end.address.at(one.family == AF_INET ? 0 : 3), sizeof(in_addr));
}

// As its packets have it: both addresses, both ports.
std::string key_of(const criu::DumpedInet& one, const criu::InetEnd& from, const criu::InetEnd& to) {
    std::string key;
    append_address(key, one, from);
    append_address(key, one, to);
    for (const criu::InetEnd* const end : {&from, &to}) {
        const std::uint16_t port = htons(end->port);
        append(key, &port, sizeof port);
    }
    return key;
}

NetlinkRequest chain(std::uint8_t family, const std::string& table, const char* name, std::uint32_t hook) {
    return nft::request(NFT_MSG_NEWCHAIN, NLM_F_CREATE, family)
        .text(NFTA_CHAIN_TABLE, table)
        .text(NFTA_CHAIN_NAME, name)
        .text(NFTA_CHAIN_TYPE, "filter")
        .nested(NFTA_CHAIN_HOOK, [&](NetlinkRequest& at) {
            at.data(NFTA_HOOK_HOOKNUM, nft::big_endian(hook)).data(NFTA_HOOK_PRIORITY, nft::big_endian(0));
        });
}

void add_drop_of_set(NetlinkRequest& rule, std::uint8_t family) {
    constexpr std::array k_tcp = {std::byte{IPPROTO_TCP}};
    const Header header = header_of(family);
    nft::add_meta(rule, NFT_META_MARK);
    nft::add_comparison(rule, NFT_CMP_NEQ, std::as_bytes(std::span(&k_mark_of_criu, 1)));
    nft::add_meta(rule, NFT_META_L4PROTO);
    nft::add_comparison(rule, NFT_CMP_EQ, k_tcp);
    nft::add_payload(rule, NFT_REG32_00, NFT_PAYLOAD_NETWORK_HEADER, header.offset, header.addresses);
    nft::add_payload(rule, NFT_REG32_00 + header.addresses / 4, NFT_PAYLOAD_TRANSPORT_HEADER, 0, k_ports);
    nft::add_expression(rule, "lookup", [](NetlinkRequest& lookup) {
        lookup.text(NFTA_LOOKUP_SET, k_set)
            .data(NFTA_LOOKUP_SREG, nft::big_endian(NFT_REG32_00))
            .data(NFTA_LOOKUP_SET_ID, nft::big_endian(k_set_id));
    });
    nft::add_drop(rule);
}

NetlinkRequest rule(std::uint8_t family, const std::string& table, const char* chain, unsigned acknowledge) {
    return nft::request(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND | acknowledge, family)
        .text(NFTA_RULE_TABLE, table)
        .text(NFTA_RULE_CHAIN, chain)
        .nested(NFTA_RULE_EXPRESSIONS, [&](NetlinkRequest& one) { add_drop_of_set(one, family); });
}

// With a set that is empty yet.
std::vector<NetlinkRequest> table_batch(std::uint8_t family, const std::string& table) {
    return {nft::batch_bound(NFNL_MSG_BATCH_BEGIN),
            nft::request(NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL, family)
                .text(NFTA_TABLE_NAME, table)
                .data(NFTA_TABLE_FLAGS, nft::big_endian(NFT_TABLE_F_OWNER)),
            nft::request(NFT_MSG_NEWSET, NLM_F_CREATE, family)
                .text(NFTA_SET_TABLE, table)
                .text(NFTA_SET_NAME, k_set)
                .data(NFTA_SET_KEY_LEN, nft::big_endian(header_of(family).addresses + k_ports))
                .data(NFTA_SET_ID, nft::big_endian(k_set_id)),
            chain(family, table, "output", NF_INET_LOCAL_OUT),
            chain(family, table, "input", NF_INET_LOCAL_IN),
            rule(family, table, "output", 0),
            rule(family, table, "input", NLM_F_ACK),
            nft::batch_bound(NFNL_MSG_BATCH_END)};
}

NetlinkRequest elements(std::uint8_t family, const std::string& table, std::span<const std::string> keys,
                        unsigned acknowledge) {
    return nft::request(NFT_MSG_NEWSETELEM, NLM_F_CREATE | acknowledge, family)
        .text(NFTA_SET_ELEM_LIST_TABLE, table)
        .text(NFTA_SET_ELEM_LIST_SET, k_set)
        .nested(NFTA_SET_ELEM_LIST_ELEMENTS, [&](NetlinkRequest& list) {
            for (const std::string& key : keys)
                list.nested(NFTA_LIST_ELEM, [&](NetlinkRequest& element) {
                    element.nested(NFTA_SET_ELEM_KEY, [&](NetlinkRequest& data) {
                        data.data(NFTA_DATA_VALUE, std::as_bytes(std::span(key)));
                    });
                });
        });
}

void require(int err, const char* what) {
    if (err != 0)
        throw os_error(err, what);
}

} // namespace

ConnectionHold::ConnectionHold(const std::vector<criu::DumpedInet>& connections)
    : table_(fmt::format("cedana-restore-{}", ::getpid())) {
    std::vector<std::string> ipv4;
    std::vector<std::string> ipv6;
    for (const criu::DumpedInet& one : connections) {
        auto& keys = is_ipv4(one) ? ipv4 : ipv6;
        keys.push_back(key_of(one, one.local, one.remote));
        keys.push_back(key_of(one, one.remote, one.local));
    }
    if (connections.empty())
        return;
    try {
        socket_.emplace(NETLINK_NETFILTER);
        hold(NFPROTO_IPV4, ipv4);
        hold(NFPROTO_IPV6, ipv6);
    } catch (const Error& error) {
        release();
        spdlog::debug("packets of its connections are not held back: {}", error.message());
    }
}

ConnectionHold::~ConnectionHold() { release(); }

void ConnectionHold::hold(std::uint8_t family, const std::vector<std::string>& keys) {
    // So that a message stays below 1 KiB, and a batch below what a socket takes at once.
    constexpr std::size_t k_keys_of_message = 16;
    constexpr std::size_t k_keys_of_batch = 64 * k_keys_of_message;
    if (keys.empty())
        return;
    require(socket_->acknowledged(table_batch(family, table_)), "cannot make a table of nftables");
    families_.push_back(family);
    for (std::size_t at = 0; at < keys.size(); at += k_keys_of_batch) {
        const std::size_t end = std::min(at + k_keys_of_batch, keys.size());
        std::vector<NetlinkRequest> batch = {nft::batch_bound(NFNL_MSG_BATCH_BEGIN)};
        for (std::size_t from = at; from < end; from += k_keys_of_message) {
            const std::size_t count = std::min(k_keys_of_message, end - from);
            batch.push_back(
                elements(family, table_, std::span(keys).subspan(from, count), from + count == end ? NLM_F_ACK : 0));
        }
        batch.push_back(nft::batch_bound(NFNL_MSG_BATCH_END));
        require(socket_->acknowledged(batch), "cannot add to a set of nftables");
    }
}

void ConnectionHold::release() noexcept {
    // A process that was started meanwhile may have the socket for a moment more.
    try {
        for (const std::uint8_t family : families_) {
            const std::array batch = {nft::batch_bound(NFNL_MSG_BATCH_BEGIN),
                                      nft::request(NFT_MSG_DELTABLE, NLM_F_ACK, family).text(NFTA_TABLE_NAME, table_),
                                      nft::batch_bound(NFNL_MSG_BATCH_END)};
            require(socket_->acknowledged(batch), "cannot remove a table of nftables");
        }
    } catch (const std::exception& error) {
        spdlog::debug("{}", error.what());
    }
    families_.clear();
    socket_.reset();
}

} // namespace cedana
