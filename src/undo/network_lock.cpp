// SPDX-License-Identifier: Apache-2.0
#include "cedana/undo/network_lock.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/netlink.hpp"
#include "cedana/base/nftables.hpp"
#include "cedana/base/text.hpp"

#include <array>
#include <cerrno>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

namespace cedana::criu {

namespace {

constexpr std::string_view k_prefix = "CRIU-";
// CRIU formats "inet CRIU-ID" into 32 bytes, so that the end of a longer id is cut off (criu/netfilter.c).
constexpr std::size_t k_longest_table = 32 - 1 - std::string_view("inet ").size();

} // namespace

std::optional<std::string> network_lock_of(std::string_view log) {
    // criu/util.c; in a log of a restore the dump's run is named too, in other words. `criu swrk` has one of its own
    // before it does what it was asked for in another process, with another one.
    constexpr std::string_view k_run = "CRIU run id = ";
    const std::size_t at = log.rfind(k_run);
    if (at == std::string_view::npos)
        return std::nullopt;
    const std::string_view rest = log.substr(at + k_run.size());
    const std::string_view id = trim(rest.substr(0, rest.find('\n')));
    if (id.empty())
        return std::nullopt;
    return std::string(k_prefix).append(id).substr(0, k_longest_table);
}

std::vector<std::string> network_locks() {
    std::vector<std::string> tables;
    try {
        const auto messages =
            NetlinkSocket(NETLINK_NETFILTER).list(nft::request(NFT_MSG_GETTABLE, NLM_F_DUMP, NFPROTO_INET));
        for (const NetlinkMessage& message : messages)
            for (const NetlinkAttribute& attribute : message.attributes(sizeof(nfgenmsg)))
                if (attribute.type == NFTA_TABLE_NAME && attribute.value.starts_with(k_prefix))
                    tables.emplace_back(attribute.value.substr(0, attribute.value.find('\0')));
    } catch (const Error& error) {
        spdlog::debug("the tables of nftables are not known: {}", error.message());
    }
    return tables;
}

bool remove_network_lock(const std::string& table) {
    // Tables change in batches only (nfnetlink).
    const std::array batch = {nft::batch_bound(NFNL_MSG_BATCH_BEGIN),
                              nft::request(NFT_MSG_DELTABLE, NLM_F_ACK, NFPROTO_INET).text(NFTA_TABLE_NAME, table),
                              nft::batch_bound(NFNL_MSG_BATCH_END)};
    const int err = NetlinkSocket(NETLINK_NETFILTER).acknowledged(batch);
    if (err != 0 && err != ENOENT)
        throw os_error(err, fmt::format("cannot remove the table {} of nftables", table));
    return err == 0;
}

} // namespace cedana::criu
