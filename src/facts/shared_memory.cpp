// SPDX-License-Identifier: Apache-2.0
#include "cedana/facts/shared_memory.hpp"

#include "cedana/base/text.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include <sys/stat.h>

namespace cedana {

namespace {

constexpr std::string_view k_huge = "/anon_hugepage (deleted)";

// Tells of each object once what is allocated to it.
class Objects {
  public:
    std::uint64_t add(std::string_view target, const std::optional<struct ::stat>& info) {
        constexpr std::uint64_t k_block = 512;
        if (!info || !is_shared_memory(target) || !known_.emplace(info->st_dev, info->st_ino).second)
            return 0;
        return static_cast<std::uint64_t>(info->st_blocks) * k_block;
    }

  private:
    std::set<std::pair<dev_t, ino_t>> known_;
};

// "HugetlbPages:      4096 kB"
std::uint64_t huge_pages(const std::string& status) {
    constexpr std::string_view k_key = "HugetlbPages:";
    for (const std::string& line : split(status, '\n')) {
        if (!line.starts_with(k_key))
            continue;
        const std::string_view value = trim(std::string_view(line).substr(k_key.size()));
        std::int64_t kibibytes = 0;
        if (parse_number(value.substr(0, value.find(' ')), kibibytes) && kibibytes > 0)
            return static_cast<std::uint64_t>(kibibytes) * 1024;
    }
    return 0;
}

} // namespace

bool is_shared_memory(std::string_view target) {
    return target.starts_with("/memfd:") || target.starts_with("/SYSV") || target == "/dev/zero (deleted)" ||
           target == k_huge || target == "/[aio] (deleted)";
}

std::uint64_t shared_memory(const TreeHoldings& tree) {
    Objects objects;
    std::uint64_t bytes = 0;
    for (const Holdings& one : tree) {
        for (const MappedFile& file : one.mapped)
            bytes += objects.add(file.target, file.info);
        for (const OpenFile& file : one.open)
            bytes += objects.add(file.target, file.info);
    }
    return bytes;
}

std::uint64_t own_huge_pages(const Procfs& procfs, const Holdings& holdings) {
    Objects objects;
    std::uint64_t shared = 0;
    bool has_some = false;
    for (const MappedFile& file : holdings.mapped) {
        if (file.target != k_huge)
            continue;
        has_some = true;
        // Nothing is allocated to the object of a private mapping (mm/hugetlb.c).
        shared += objects.add(file.target, file.info);
    }
    if (!has_some)
        return 0;
    const std::uint64_t all = huge_pages(procfs.read(holdings.process.pid(), "status").value_or(""));
    return all - std::min(all, shared);
}

} // namespace cedana
