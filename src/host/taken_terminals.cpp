// SPDX-License-Identifier: Apache-2.0
#include "cedana/host/taken_names.hpp"
#include "cedana/process/open_files.hpp"
#include "cedana/process/passing_terminal.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include <spdlog/fmt/fmt.h>

#include <sys/stat.h>
#include <unistd.h>

#include "living_holder.hpp"

namespace cedana {

namespace {

// Containers have terminals of the same numbers, each in a devpts of its own. An open master leads to the node through
// which it was opened: "ptmx" in that devpts, or /dev/ptmx outside of it, which leads to the devpts beside it
// (fs/devpts/inode.c, devpts_mntget). What cannot be seen is taken to be of here.
bool is_of_here(const Procfs& procfs, pid_t pid, const OpenFile& master) {
    struct ::stat here {};
    if (!master.info || ::stat("/dev/pts", &here) != 0 || master.info->st_dev == here.st_dev)
        return true;
    const auto devices = procfs.file(pid, "root/dev");
    const auto terminals = procfs.file(pid, "root/dev/pts");
    if (!devices || !terminals)
        return true;
    return master.info->st_dev == devices->st_dev && terminals->st_dev == here.st_dev;
}

std::vector<SocketHolder> masters_of(const Procfs& procfs, unsigned terminal) {
    std::vector<SocketHolder> masters;
    for (const pid_t pid : procfs.pids()) {
        const std::vector<OpenFile> files = open_files(procfs, pid);
        if (std::ranges::any_of(
                files, [&](const OpenFile& one) { return one.master_of == terminal && is_of_here(procfs, pid, one); }))
            masters.push_back({.pid = pid});
    }
    if (masters.empty())
        masters.push_back({});
    return masters;
}

// Whoever has a terminal's master has others as well, and is not to be ended for one.
std::string hint_to_close(const SocketHolder& holder, unsigned number, const std::vector<unsigned>& passing) {
    if (std::ranges::count(passing, number) != 0)
        return k_restore_twice;
    if (holder.pid == 0)
        return hint_to_end(holder);
    return fmt::format(
        "close that terminal (ps -t pts/{} shows what runs in it); if it is this one, restore from another", number);
}

} // namespace

std::vector<Error> taken_terminals(const Procfs& procfs, const RestoreNeeds& needs,
                                   const std::vector<unsigned>& terminals, const std::set<pid_t>& leaving) {
    std::vector<Error> refused;
    if (needs.own_mounts)
        return refused;
    const std::vector<unsigned> passing = passing_numbers(procfs, ::getpid());
    for (const unsigned terminal : terminals) {
        const std::string path = fmt::format("/dev/pts/{}", terminal);
        std::error_code ignored;
        if (!std::filesystem::exists(path, ignored))
            continue;
        if (const auto holder = living_holder(masters_of(procfs, terminal), leaving))
            refused.push_back(
                Error(Fault::restore_failed,
                      fmt::format("the pseudo-terminal {} that it had is taken by {}", path, holder->described(procfs)))
                    .hint(hint_to_close(*holder, terminal, passing)));
    }
    return refused;
}

} // namespace cedana
