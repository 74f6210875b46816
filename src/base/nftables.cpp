// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/nftables.hpp"

#include <cstring>

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>

namespace cedana::nft {

std::array<std::byte, 4> big_endian(std::uint32_t value) {
    std::array<std::byte, 4> bytes{};
    const std::uint32_t number = htonl(value);
    std::memcpy(bytes.data(), &number, sizeof number);
    return bytes;
}

NetlinkRequest request(unsigned type, unsigned flags, std::uint8_t family) {
    return NetlinkRequest(NFNL_SUBSYS_NFTABLES << 8U | type, NLM_F_REQUEST | flags)
        .header(nfgenmsg{.nfgen_family = family, .version = NFNETLINK_V0, .res_id = 0});
}

NetlinkRequest batch_bound(unsigned type) {
    return NetlinkRequest(type, NLM_F_REQUEST)
        .header(nfgenmsg{.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0, .res_id = htons(NFNL_SUBSYS_NFTABLES)});
}

void add_meta(NetlinkRequest& rule, std::uint32_t key) {
    add_expression(rule, "meta", [&](NetlinkRequest& meta) {
        meta.data(NFTA_META_DREG, big_endian(NFT_REG_1)).data(NFTA_META_KEY, big_endian(key));
    });
}

void add_comparison(NetlinkRequest& rule, std::uint32_t operation, std::span<const std::byte> value) {
    add_expression(rule, "cmp", [&](NetlinkRequest& cmp) {
        cmp.data(NFTA_CMP_SREG, big_endian(NFT_REG_1)).data(NFTA_CMP_OP, big_endian(operation));
        cmp.nested(NFTA_CMP_DATA, [&](NetlinkRequest& data) { data.data(NFTA_DATA_VALUE, value); });
    });
}

void add_payload(NetlinkRequest& rule, std::uint32_t target, std::uint32_t base, std::uint32_t offset,
                 std::uint32_t length) {
    add_expression(rule, "payload", [&](NetlinkRequest& payload) {
        payload.data(NFTA_PAYLOAD_DREG, big_endian(target))
            .data(NFTA_PAYLOAD_BASE, big_endian(base))
            .data(NFTA_PAYLOAD_OFFSET, big_endian(offset))
            .data(NFTA_PAYLOAD_LEN, big_endian(length));
    });
}

void add_drop(NetlinkRequest& rule) {
    add_expression(rule, "immediate", [](NetlinkRequest& verdict) {
        verdict.data(NFTA_IMMEDIATE_DREG, big_endian(NFT_REG_VERDICT));
        verdict.nested(NFTA_IMMEDIATE_DATA, [](NetlinkRequest& data) {
            data.nested(NFTA_DATA_VERDICT,
                        [](NetlinkRequest& code) { code.data(NFTA_VERDICT_CODE, big_endian(NF_DROP)); });
        });
    });
}

} // namespace cedana::nft
