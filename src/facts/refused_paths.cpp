// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/text.hpp"
#include "cedana/facts/refusal.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include <limits.h>
#include <sys/stat.h>

namespace cedana {

namespace {

// criu/files.c, fill_fdlink(): a dot before it and a NUL behind it in a buffer of PATH_MAX, and one byte more that
// read_fd_link() in criu/util.c wants free.
constexpr std::size_t k_longest_path = PATH_MAX - 2;

bool is_too_long(const Procfs& procfs, pid_t pid, const std::string& link) {
    const auto target = procfs.link(pid, link.c_str());
    return target ? target->size() > k_longest_path : procfs.is_link_too_long(pid, link.c_str());
}

// "descriptor 7"; empty: none.
std::string find_too_long(const Procfs& procfs, const Holdings& one) {
    const pid_t pid = one.process.pid();
    constexpr auto k_folders = std::to_array<std::pair<const char*, const char*>>(
        {{"cwd", "its working folder"}, {"root", "its root"}, {"exe", "its program"}});
    for (const auto& [link, text] : k_folders)
        if (is_too_long(procfs, pid, link))
            return text;
    // Those whose link could not be read are not among the open ones.
    const std::vector<std::string> numbers = procfs.names(pid, "fd");
    for (const OpenFile& file : one.open)
        if (file.target.size() > k_longest_path)
            return fmt::format("descriptor {}", file.fd);
    if (numbers.size() != one.open.size())
        for (const std::string& number : numbers)
            if (is_too_long(procfs, pid, "fd/" + number))
                return "descriptor " + number;
    if (std::ranges::any_of(one.mapped, [](const MappedFile& file) { return file.target.size() > k_longest_path; }))
        return "a file that it has mapped";
    return {};
}

// What has no name any more CRIU makes again beside where it was, as "NAME.cr.N.ghost" with N in hexadecimal
// (criu/files-reg.c, ghost_path): "Can't create ghost regfile: File name too long".
bool is_too_long_for_ghost(std::string_view target, const std::optional<struct ::stat>& info) {
    constexpr std::size_t k_added = std::string_view(".cr.ffffffff.ghost").size();
    const std::string_view path = without_deleted(target);
    const bool is_gone = info && path.size() != target.size() && path.starts_with('/') &&
                         !path.starts_with("/memfd:") && (info->st_nlink == 0) &&
                         (S_ISREG(info->st_mode) || S_ISDIR(info->st_mode) || S_ISFIFO(info->st_mode));
    return is_gone &&
           (path.size() - path.rfind('/') - 1 + k_added > NAME_MAX || path.size() + k_added > k_longest_path);
}

// The name of such a thing; empty: it has none.
std::string find_too_long_for_ghost(const Procfs& procfs, const Holdings& one) {
    const pid_t pid = one.process.pid();
    for (const char* const link : {"cwd", "exe"})
        if (const auto target = procfs.link(pid, link);
            target && is_too_long_for_ghost(*target, procfs.file(pid, link)))
            return *target;
    for (const OpenFile& file : one.open)
        if (is_too_long_for_ghost(file.target, file.info))
            return file.target;
    for (const MappedFile& file : one.mapped)
        if (is_too_long_for_ghost(file.target, file.info))
            return file.target;
    return {};
}

Refusal refuse_long_ghost(const TreeProcess& process, std::string_view target) {
    return {.pid = process.pid(),
            .sentence = fmt::format("{} has {} open or mapped, which was removed and whose name is so long that CRIU "
                                    "could not make it again",
                                    described(process.stat), printable(without_deleted(target))),
            .hint = "close it before the dump, or let the program give it a name of at most 237 bytes",
            .program_can_help = true};
}

} // namespace

std::vector<Refusal> refused_paths(const Procfs& procfs, const TreeHoldings& tree) {
    std::vector<Refusal> refusals;
    for (const Holdings& one : tree) {
        if (one.process.stat.is_zombie())
            continue;
        if (const std::string ghost = find_too_long_for_ghost(procfs, one); !ghost.empty())
            refusals.push_back(refuse_long_ghost(one.process, ghost));
        if (const std::string what = find_too_long(procfs, one); !what.empty())
            refusals.push_back({.pid = one.process.pid(),
                                .sentence = fmt::format("{} has something open whose path has more than {} bytes ({}), "
                                                        "which CRIU cannot dump",
                                                        described(one.process.stat), k_longest_path, what),
                                .hint = "give one of the folders above it a shorter name, or close it before the dump",
                                .program_can_help = true});
    }
    return refusals;
}

} // namespace cedana
