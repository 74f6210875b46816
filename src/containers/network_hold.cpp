// SPDX-License-Identifier: Apache-2.0
#include "cedana/containers/network_hold.hpp"

#include "cedana/base/error.hpp"

#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace cedana::containers {

namespace {

constexpr const char* k_hold_chain = "hold";
// Before whatever changes addresses (linux/netfilter_ipv4.h, NF_IP_PRI_RAW).
constexpr std::int32_t k_first_of_all = -300;
// Of IPv4 (linux/netfilter.h, NF_INET_POST_ROUTING) and of a bridge (linux/netfilter_bridge.h, NF_BR_POST_ROUTING).
constexpr std::uint32_t k_post_routing = 4;

std::array<std::byte, 4> big_endian(std::uint32_t value) {
    std::array<std::byte, 4> bytes{};
    const std::uint32_t number = htonl(value);
    std::memcpy(bytes.data(), &number, sizeof number);
    return bytes;
}

NetlinkRequest nft_request(unsigned type, unsigned flags, std::uint8_t family) {
    return NetlinkRequest(NFNL_SUBSYS_NFTABLES << 8U | type, NLM_F_REQUEST | flags)
        .header(nfgenmsg{.nfgen_family = family, .version = NFNETLINK_V0, .res_id = 0});
}

NetlinkRequest batch_end(unsigned type) {
    return NetlinkRequest(type, NLM_F_REQUEST)
        .header(nfgenmsg{.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0, .res_id = htons(NFNL_SUBSYS_NFTABLES)});
}

template <typename Fill>
void add_expression(NetlinkRequest& rule, const char* name, Fill&& fill) {
    rule.nested(NFTA_LIST_ELEM,
                [&](NetlinkRequest& element) { element.text(NFTA_EXPR_NAME, name).nested(NFTA_EXPR_DATA, fill); });
}

void add_equals(NetlinkRequest& rule, std::span<const std::byte> value) {
    add_expression(rule, "cmp", [&](NetlinkRequest& cmp) {
        cmp.data(NFTA_CMP_SREG, big_endian(NFT_REG_1)).data(NFTA_CMP_OP, big_endian(NFT_CMP_EQ));
        cmp.nested(NFTA_CMP_DATA, [&](NetlinkRequest& data) { data.data(NFTA_DATA_VALUE, value); });
    });
}

// What goes to the address is dropped.
void add_expressions(NetlinkRequest& rule, const in_addr& address) {
    constexpr std::uint32_t k_destination_at = 16;
    constexpr std::array k_ip = {std::byte{ETH_P_IP >> 8}, std::byte{ETH_P_IP & 0xff}};
    add_expression(rule, "meta", [](NetlinkRequest& meta) {
        meta.data(NFTA_META_DREG, big_endian(NFT_REG_1)).data(NFTA_META_KEY, big_endian(NFT_META_PROTOCOL));
    });
    add_equals(rule, k_ip);
    add_expression(rule, "payload", [](NetlinkRequest& payload) {
        payload.data(NFTA_PAYLOAD_DREG, big_endian(NFT_REG_1))
            .data(NFTA_PAYLOAD_BASE, big_endian(NFT_PAYLOAD_NETWORK_HEADER))
            .data(NFTA_PAYLOAD_OFFSET, big_endian(k_destination_at))
            .data(NFTA_PAYLOAD_LEN, big_endian(sizeof address));
    });
    add_equals(rule, std::as_bytes(std::span(&address, 1)));
    add_expression(rule, "immediate", [](NetlinkRequest& verdict) {
        verdict.data(NFTA_IMMEDIATE_DREG, big_endian(NFT_REG_VERDICT));
        verdict.nested(NFTA_IMMEDIATE_DATA, [](NetlinkRequest& data) {
            data.nested(NFTA_DATA_VERDICT,
                        [](NetlinkRequest& code) { code.data(NFTA_VERDICT_CODE, big_endian(NF_DROP)); });
        });
    });
}

// A table with one rule an address, as one batch.
std::vector<NetlinkRequest> hold_batch(std::uint8_t family, const std::string& table,
                                       const std::vector<in_addr>& addresses) {
    std::vector<NetlinkRequest> batch = {batch_end(NFNL_MSG_BATCH_BEGIN)};
    batch.push_back(nft_request(NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL, family)
                        .text(NFTA_TABLE_NAME, table)
                        .data(NFTA_TABLE_FLAGS, big_endian(NFT_TABLE_F_OWNER)));
    batch.push_back(nft_request(NFT_MSG_NEWCHAIN, NLM_F_CREATE, family)
                        .text(NFTA_CHAIN_TABLE, table)
                        .text(NFTA_CHAIN_NAME, k_hold_chain)
                        .text(NFTA_CHAIN_TYPE, "filter")
                        .nested(NFTA_CHAIN_HOOK, [](NetlinkRequest& hook) {
                            hook.data(NFTA_HOOK_HOOKNUM, big_endian(k_post_routing))
                                .data(NFTA_HOOK_PRIORITY, big_endian(static_cast<std::uint32_t>(k_first_of_all)));
                        }));
    for (const in_addr& address : addresses)
        // The last one is acknowledged.
        batch.push_back(
            nft_request(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND | (&address == &addresses.back() ? NLM_F_ACK : 0U),
                        family)
                .text(NFTA_RULE_TABLE, table)
                .text(NFTA_RULE_CHAIN, k_hold_chain)
                .nested(NFTA_RULE_EXPRESSIONS, [&](NetlinkRequest& rule) { add_expressions(rule, address); }));
    batch.push_back(batch_end(NFNL_MSG_BATCH_END));
    return batch;
}

std::vector<in_addr> parse_addresses(const std::vector<std::string>& texts) {
    std::vector<in_addr> addresses;
    for (const std::string& text : texts)
        if (in_addr address{}; ::inet_pton(AF_INET, text.c_str(), &address) == 1)
            addresses.push_back(address);
    return addresses;
}

} // namespace

NetworkHold::NetworkHold(const std::vector<std::string>& texts) {
    const std::vector<in_addr> addresses = parse_addresses(texts);
    if (addresses.empty())
        return;
    try {
        NetlinkSocket socket(NETLINK_NETFILTER);
        const std::string table = fmt::format("cedana-{}", ::getpid());
        const int routed = socket.acknowledged(hold_batch(NFPROTO_IPV4, table, addresses));
        // Between two that hang on one bridge.
        const int bridged = socket.acknowledged(hold_batch(NFPROTO_BRIDGE, table, addresses));
        if (routed != 0 || bridged != 0)
            spdlog::debug("not all that is sent to the container is held back: {}, {}", errno_text(routed),
                          errno_text(bridged));
        if (routed == 0 || bridged == 0)
            socket_ = std::move(socket);
    } catch (const Error& error) {
        spdlog::debug("what is sent to the container is not held back: {}", error.message());
    }
}

} // namespace cedana::containers
