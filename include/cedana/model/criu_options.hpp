// SPDX-License-Identifier: Apache-2.0
// The options of CRIU that follow from what a tree looks like. They are chosen at dump, kept in the manifest and
// given again at restore: people often give an option on one side only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace cedana {

struct CriuOptions {
    bool shell_job = false;
    bool tcp_established = false;
    // How connections are blocked between dump and restore: "nftables", "iptables"; empty: CRIU's default.
    std::string network_lock = {};
    bool external_unix_sockets = false;
    bool file_locks = false;
    bool link_remap = false;
    // The tree has no control groups of its own: after a restore it lives in those of whoever runs CRIU.
    bool ignore_cgroups = false;
    // Largest deleted-but-open file to be taken into the images, in bytes; 0: CRIU's default of 1 MiB.
    std::uint64_t ghost_limit = 0;
    // criu.extra_args
    std::vector<std::string> extra = {};

    bool operator==(const CriuOptions&) const = default;
};

} // namespace cedana
