// SPDX-License-Identifier: Apache-2.0
// Messages of which tables of nftables are made: changes are sent in batches (linux/netfilter/nf_tables.h,
// nfnetlink.h).
#pragma once

#include "cedana/base/netlink.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <linux/netfilter/nf_tables.h>

namespace cedana::nft {

// As the kernel takes numbers in attributes.
[[nodiscard]] std::array<std::byte, 4> big_endian(std::uint32_t value);

// `type`: NFT_MSG_NEWTABLE and the like; `family`: NFPROTO_IPV4 and the like.
[[nodiscard]] NetlinkRequest request(unsigned type, unsigned flags, std::uint8_t family);
// NFNL_MSG_BATCH_BEGIN or NFNL_MSG_BATCH_END.
[[nodiscard]] NetlinkRequest batch_bound(unsigned type);

// To the expressions of a rule.
template <typename Fill>
void add_expression(NetlinkRequest& rule, const char* name, Fill&& fill) {
    rule.nested(NFTA_LIST_ELEM,
                [&](NetlinkRequest& element) { element.text(NFTA_EXPR_NAME, name).nested(NFTA_EXPR_DATA, fill); });
}
// Loads what is known of a packet (NFT_META_PROTOCOL and the like) into NFT_REG_1.
void add_meta(NetlinkRequest& rule, std::uint32_t key);
// The rule goes on where NFT_REG_1 compares so (NFT_CMP_EQ, NFT_CMP_NEQ).
void add_comparison(NetlinkRequest& rule, std::uint32_t operation, std::span<const std::byte> value);
// Loads a part of the packet; `base`: NFT_PAYLOAD_NETWORK_HEADER and the like.
void add_payload(NetlinkRequest& rule, std::uint32_t target, std::uint32_t base, std::uint32_t offset,
                 std::uint32_t length);
void add_drop(NetlinkRequest& rule);

} // namespace cedana::nft
