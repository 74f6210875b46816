// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/text.hpp"
#include "cedana/facts/losses.hpp"
#include "cedana/facts/record.hpp"
#include "cedana/facts/refusal.hpp"

#include <algorithm>
#include <set>

#include <spdlog/fmt/fmt.h>

namespace cedana {

// CRIU makes each eventfd with the flags of its descriptor, and this one is none of them (criu/eventfd.c,
// eventfd_open): a read then takes the whole count in place of one.
std::vector<std::string> find_lost_semaphores(const Procfs& procfs, const TreeHoldings& tree) {
    std::vector<std::string> losses;
    // "eventfd-id: 7" (fs/eventfd.c, eventfd_show_fdinfo): one is often open in many processes.
    std::set<std::string> known;
    for (const Holdings& one : tree) {
        for (const OpenFile& file : one.open) {
            if (kind_of(file) != OpenKind::eventfd)
                continue;
            const std::string info =
                procfs.read(one.process.pid(), fmt::format("fdinfo/{}", file.fd).c_str()).value_or("");
            const std::vector<std::string> lines = split(info, '\n');
            const auto id =
                std::ranges::find_if(lines, [](const std::string& line) { return line.starts_with("eventfd-id:"); });
            if (std::ranges::find(lines, "eventfd-semaphore: 1") == lines.end() || id == lines.end() ||
                !known.insert(*id).second)
                continue;
            losses.push_back(fmt::format("the rule by which a read of the eventfd of {} (descriptor {}) takes one of "
                                         "its count, and not all of it (EFD_SEMAPHORE)",
                                         described(one.process.stat), file.fd));
        }
    }
    return losses;
}

} // namespace cedana
