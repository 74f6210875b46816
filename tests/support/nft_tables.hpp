// SPDX-License-Identifier: Apache-2.0
// The tables of nftables in the network namespace of this thread.
#pragma once

#include "cedana/base/netlink.hpp"
#include "cedana/base/nftables.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

namespace cedana::testing {

// Of every family, whose names begin so.
[[nodiscard]] inline std::vector<std::string> nft_tables(std::string_view prefix) {
    std::vector<std::string> names;
    for (const NetlinkMessage& message :
         NetlinkSocket(NETLINK_NETFILTER).list(nft::request(NFT_MSG_GETTABLE, NLM_F_DUMP, NFPROTO_UNSPEC)))
        for (const NetlinkAttribute& attribute : message.attributes(sizeof(nfgenmsg)))
            if (attribute.type == NFTA_TABLE_NAME && attribute.value.starts_with(prefix))
                names.emplace_back(attribute.value.substr(0, attribute.value.find('\0')));
    return names;
}

} // namespace cedana::testing
