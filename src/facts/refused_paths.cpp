// SPDX-License-Identifier: Apache-2.0
#include "cedana/facts/refusal.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include <limits.h>

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

} // namespace

std::vector<Refusal> refused_paths(const Procfs& procfs, const TreeHoldings& tree) {
    std::vector<Refusal> refusals;
    for (const Holdings& one : tree)
        if (const std::string what = one.process.stat.is_zombie() ? std::string() : find_too_long(procfs, one);
            !what.empty())
            refusals.push_back({.pid = one.process.pid(),
                                .sentence = fmt::format("{} has something open whose path has more than {} bytes ({}), "
                                                        "which CRIU cannot dump",
                                                        described(one.process.stat), k_longest_path, what),
                                .hint = "give one of the folders above it a shorter name, or close it before the dump",
                                .program_can_help = true});
    return refusals;
}

} // namespace cedana
