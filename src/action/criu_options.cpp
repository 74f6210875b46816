// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/criu_options.hpp"

namespace cedana {

namespace {

// A deleted file may grow between the look and the freeze.
constexpr std::uint64_t k_ghost_room = 16UL * 1024 * 1024;

} // namespace

CriuOptions choose_criu_options(const TreeFacts& facts, const std::vector<std::string>& extra) {
    CriuOptions options{.shell_job = facts.shell_job,
                        .tcp_established = facts.tcp_established,
                        .network_lock = {},
                        .external_unix_sockets = facts.external_unix_sockets != Answer::no,
                        .file_locks = facts.file_locks,
                        .link_remap = facts.link_remap,
                        .ghost_limit = 0,
                        .extra = extra};
    if (facts.ghost_bytes > 0)
        options.ghost_limit = facts.ghost_bytes + k_ghost_room;
    return options;
}

} // namespace cedana
