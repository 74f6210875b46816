// SPDX-License-Identifier: Apache-2.0
#include "cedana/containers/network_hold.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/nftables.hpp"

#include <array>
#include <cstdint>
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

// What goes to the address is dropped.
void add_expressions(NetlinkRequest& rule, const in_addr& address) {
    constexpr std::uint32_t k_destination_at = 16;
    constexpr std::array k_ip = {std::byte{ETH_P_IP >> 8}, std::byte{ETH_P_IP & 0xff}};
    nft::add_meta(rule, NFT_META_PROTOCOL);
    nft::add_comparison(rule, NFT_CMP_EQ, k_ip);
    nft::add_payload(rule, NFT_REG_1, NFT_PAYLOAD_NETWORK_HEADER, k_destination_at, sizeof address);
    nft::add_comparison(rule, NFT_CMP_EQ, std::as_bytes(std::span(&address, 1)));
    nft::add_drop(rule);
}

// A table with one rule an address, as one batch.
std::vector<NetlinkRequest> hold_batch(std::uint8_t family, const std::string& table,
                                       const std::vector<in_addr>& addresses) {
    std::vector<NetlinkRequest> batch = {nft::batch_bound(NFNL_MSG_BATCH_BEGIN)};
    batch.push_back(nft::request(NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL, family)
                        .text(NFTA_TABLE_NAME, table)
                        .data(NFTA_TABLE_FLAGS, nft::big_endian(NFT_TABLE_F_OWNER)));
    batch.push_back(nft::request(NFT_MSG_NEWCHAIN, NLM_F_CREATE, family)
                        .text(NFTA_CHAIN_TABLE, table)
                        .text(NFTA_CHAIN_NAME, k_hold_chain)
                        .text(NFTA_CHAIN_TYPE, "filter")
                        .nested(NFTA_CHAIN_HOOK, [](NetlinkRequest& hook) {
                            hook.data(NFTA_HOOK_HOOKNUM, nft::big_endian(k_post_routing))
                                .data(NFTA_HOOK_PRIORITY, nft::big_endian(static_cast<std::uint32_t>(k_first_of_all)));
                        }));
    for (const in_addr& address : addresses)
        // The last one is acknowledged.
        batch.push_back(
            nft::request(NFT_MSG_NEWRULE,
                         NLM_F_CREATE | NLM_F_APPEND | (&address == &addresses.back() ? NLM_F_ACK : 0U), family)
                .text(NFTA_RULE_TABLE, table)
                .text(NFTA_RULE_CHAIN, k_hold_chain)
                .nested(NFTA_RULE_EXPRESSIONS, [&](NetlinkRequest& rule) { add_expressions(rule, address); }));
    batch.push_back(nft::batch_bound(NFNL_MSG_BATCH_END));
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
