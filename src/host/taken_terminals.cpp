// SPDX-License-Identifier: Apache-2.0
#include "cedana/host/taken_names.hpp"
#include "cedana/process/open_files.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include <spdlog/fmt/fmt.h>

#include "living_holder.hpp"

namespace cedana {

namespace {

std::vector<SocketHolder> masters_of(const Procfs& procfs, unsigned terminal) {
    std::vector<SocketHolder> masters;
    for (const pid_t pid : procfs.pids()) {
        const std::vector<OpenFile> files = open_files(procfs, pid);
        if (std::ranges::any_of(files, [&](const OpenFile& one) { return one.master_of == terminal; }))
            masters.push_back({.pid = pid});
    }
    if (masters.empty())
        masters.push_back({});
    return masters;
}

} // namespace

std::vector<Error> taken_terminals(const Procfs& procfs, const RestoreNeeds& needs,
                                   const std::vector<unsigned>& terminals, const std::set<pid_t>& leaving) {
    std::vector<Error> refused;
    if (needs.own_mounts)
        return refused;
    for (const unsigned terminal : terminals) {
        const std::string path = fmt::format("/dev/pts/{}", terminal);
        std::error_code ignored;
        if (!std::filesystem::exists(path, ignored))
            continue;
        if (const auto holder = living_holder(masters_of(procfs, terminal), leaving))
            refused.push_back(
                Error(Fault::restore_failed,
                      fmt::format("the pseudo-terminal {} that it had is taken by {}", path, holder->described(procfs)))
                    .hint(hint_to_end(*holder)));
    }
    return refused;
}

} // namespace cedana
