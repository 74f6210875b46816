// SPDX-License-Identifier: Apache-2.0
#include "living_holder.hpp"

#include "cedana/process/systemctl.hpp"

#include <spdlog/fmt/fmt.h>

namespace cedana {

std::optional<SocketHolder> living_holder(const std::vector<SocketHolder>& holders, const std::set<pid_t>& leaving) {
    std::optional<SocketHolder> living;
    for (const SocketHolder& holder : holders)
        if (!leaving.contains(holder.pid) && (!living || living->pid == 0))
            living = holder;
    return living;
}

std::string hint_to_end(const SocketHolder& holder) {
    if (holder.pid == 1 && has_systemd())
        return "a unit of sockets holds it: systemctl list-sockets shows which one; run systemctl stop NAME.socket "
               "first, and what comes back listens there itself";
    return holder.pid == 0 ? "look for it in other containers, or where there are other namespaces (lsns)"
                           : fmt::format("end it, or wait until it has ended: pid {}", holder.pid);
}

} // namespace cedana
