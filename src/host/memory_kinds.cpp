// SPDX-License-Identifier: Apache-2.0
#include "cedana/host/memory_kinds.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>

#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t k_kib = 1024;

std::optional<std::uint64_t> number_of_file(const fs::path& path) {
    try {
        std::int64_t number = 0;
        if (parse_number(trim(read_file(path)), number) && number >= 0)
            return static_cast<std::uint64_t>(number);
    } catch (const Error&) {
        return std::nullopt;
    }
    return std::nullopt;
}

// "Name:   123 kB" of /proc/meminfo, in bytes.
std::optional<std::uint64_t> meminfo(const fs::path& proc, std::string_view name) {
    try {
        for (const std::string& line : split(read_file(proc / "meminfo"), '\n')) {
            if (!line.starts_with(name))
                continue;
            const std::string_view rest = trim(std::string_view(line).substr(name.size()));
            std::int64_t number = 0;
            if (parse_number(rest.substr(0, rest.find(' ')), number) && number >= 0)
                return static_cast<std::uint64_t>(number) * k_kib;
        }
    } catch (const Error&) {
        return std::nullopt;
    }
    return std::nullopt;
}

// Free and not promised, and as many as the kernel may make of ordinary memory
// (Documentation/admin-guide/mm/hugetlbpage.rst).
std::optional<std::uint64_t> available_pages(const fs::path& pool) {
    const auto free = number_of_file(pool / "free_hugepages");
    if (!free)
        return std::nullopt;
    const auto promised = number_of_file(pool / "resv_hugepages").value_or(0);
    const auto more = number_of_file(pool / "nr_overcommit_hugepages").value_or(0);
    const auto made = number_of_file(pool / "surplus_hugepages").value_or(0);
    return *free - std::min(*free, promised) + (more - std::min(more, made));
}

} // namespace

void require_huge_pages(const NeededMemory& memory, const std::string& name, const fs::path& sys,
                        const fs::path& proc) {
    for (const auto& [usual_or_size, bytes] : memory.huge) {
        const auto size = usual_or_size != 0 ? std::optional(usual_or_size) : meminfo(proc, "Hugepagesize:");
        if (!size || *size == 0)
            continue;
        const fs::path pool = sys / "kernel/mm/hugepages" / fmt::format("hugepages-{}kB", *size / k_kib);
        const std::uint64_t needed = (bytes + *size - 1) / *size;
        std::error_code ignored;
        const auto available = fs::exists(sys / "kernel/mm/hugepages", ignored) && !fs::exists(pool, ignored)
                                   ? std::optional<std::uint64_t>(0)
                                   : available_pages(pool);
        if (!available || *available >= needed)
            continue;
        throw Error(Fault::environment, fmt::format("{} cannot run here: it has {} huge pages of {}, and {} are free",
                                                    printable(name), needed, human_bytes(*size), *available))
            .hint(fmt::format("add {} to {}", needed - *available, (pool / "nr_hugepages").string()));
    }
}

void require_commitment(const NeededMemory& memory, const std::string& name, const fs::path& proc) {
    // OVERCOMMIT_GUESS and OVERCOMMIT_NEVER (mm/util.c, __vm_enough_memory).
    constexpr std::uint64_t k_guess = 0;
    constexpr std::uint64_t k_never = 2;
    const auto mode = number_of_file(proc / "sys/vm/overcommit_memory");
    if (mode == k_guess) {
        const auto ram = meminfo(proc, "MemTotal:");
        const auto swap = meminfo(proc, "SwapTotal:");
        if (ram && swap && memory.largest > *ram + *swap)
            throw Error(Fault::environment,
                        fmt::format("{} cannot run here: it has {} of memory in one piece, and this host has {} with "
                                    "its swap space",
                                    printable(name), human_bytes(memory.largest), human_bytes(*ram + *swap)))
                .hint("add swap space, set vm.overcommit_memory to 1, or restore on a host with more memory");
    }
    if (mode != k_never)
        return;
    const auto limit = meminfo(proc, "CommitLimit:");
    const auto committed = meminfo(proc, "Committed_AS:");
    if (!limit || !committed || memory.committed <= *limit - std::min(*limit, *committed))
        return;
    throw Error(Fault::environment,
                fmt::format("{} cannot run here: the kernel would have to promise it {}, and promises {} more "
                            "(vm.overcommit_memory is 2)",
                            printable(name), human_bytes(memory.committed),
                            human_bytes(*limit - std::min(*limit, *committed))))
        .hint("add swap space, raise vm.overcommit_ratio, or set vm.overcommit_memory to 0");
}

std::string groups_at_return(const Manifest& manifest, const std::vector<std::string>& criu_arguments,
                             const std::string& own) {
    const auto kind_of_line = [](std::string_view line) { return line.substr(0, line.find(":/")); };
    const bool ignored = manifest.criu_options.ignore_cgroups ||
                         std::ranges::count(criu_arguments, "--manage-cgroups=ignore") != 0 || !manifest.facts ||
                         manifest.facts->processes.empty();
    if (ignored)
        return own;
    // A hierarchy has another number on another host: "4:memory".
    const auto controllers = [&](std::string_view line) {
        const std::string_view kind = kind_of_line(line);
        return kind.substr(std::min(kind.find(':'), kind.size()));
    };
    const std::vector<std::string>& groups = manifest.facts->processes.front().cgroups;
    std::string lines;
    for (const std::string& group : groups)
        lines += group + "\n";
    for (const std::string& line : split(own, '\n'))
        if (!line.empty() &&
            std::ranges::none_of(groups, [&](const std::string& one) { return controllers(one) == controllers(line); }))
            lines += line + "\n";
    return lines;
}

std::uint64_t free_swap(const fs::path& proc) { return meminfo(proc, "SwapFree:").value_or(0); }

void require_group_memory(const NeededMemory& memory, const std::string& name, const std::vector<MemoryRoom>& rooms) {
    const auto tightest = std::ranges::min_element(rooms, {}, &MemoryRoom::free);
    if (tightest == rooms.end() || tightest->free >= memory.charged)
        return;
    throw Error(
        Fault::environment,
        fmt::format("{} cannot run here: it has {} of memory, and the control group {} in which it would be has "
                    "{} free (its limit is {}, and {} are in use)",
                    printable(name), human_bytes(memory.charged), printable(tightest->group.string()),
                    human_bytes(tightest->free), human_bytes(tightest->limit), human_bytes(tightest->usage)))
        .hint(fmt::format("raise the limit ({}) to {} or more, end what else is in that group, or restore it from "
                          "another one if it has none of its own",
                          shell_word(tightest->file.string()),
                          human_bytes(tightest->limit + memory.charged - tightest->free)));
}

} // namespace cedana
