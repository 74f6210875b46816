// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/memory.hpp"
#include "cedana/base/text.hpp"
#include "cedana/facts/refusal.hpp"
#include "cedana/process/holdings.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <linux/capability.h>
#include <sched.h>
#include <sys/syscall.h>

#include "close_hint.hpp"

namespace cedana {

namespace {

struct ResourceLimit {
    std::uint64_t soft = 0;
    std::uint64_t hard = 0;
};

constexpr std::string_view k_open_files = "Max open files";
constexpr std::string_view k_address_space = "Max address space";

// "Max open files            1024                 1048576              files" (fs/proc/base.c). Absent if it is not
// there or the soft one is unlimited.
std::optional<ResourceLimit> find_limit(const std::string& limits, std::string_view name) {
    for (const std::string& line : split(limits, '\n')) {
        if (!line.starts_with(name))
            continue;
        std::vector<std::int64_t> numbers;
        for (const std::string& word : split(line.substr(name.size()), ' '))
            if (std::int64_t number = 0; parse_number(word, number))
                numbers.push_back(number);
        if (numbers.empty())
            return std::nullopt;
        const auto soft = static_cast<std::uint64_t>(numbers.front());
        return ResourceLimit{.soft = soft, .hard = static_cast<std::uint64_t>(numbers.back())};
    }
    return std::nullopt;
}

// What CRIU puts into a process needs a socket, a memfd and what it reads in there at a time (compel/src/lib/infect.c,
// criu/pie/parasite.c): with three free numbers "can't get /proc/self/cgroup fd", with none "Can't create memfd in
// victim: Too many open files".
std::optional<Refusal> refuse_full_table(const Holdings& one, const std::string& limits) {
    constexpr std::uint64_t k_needed = 4;
    const auto limit = find_limit(limits, k_open_files);
    if (!limit || one.open.size() + k_needed <= limit->soft)
        return std::nullopt;
    const auto below = static_cast<std::uint64_t>(std::ranges::count_if(
        one.open, [&](const OpenFile& file) { return static_cast<std::uint64_t>(file.fd) < limit->soft; }));
    if (below + k_needed <= limit->soft)
        return std::nullopt;
    const pid_t pid = one.process.pid();
    return Refusal{.pid = pid,
                   .sentence = fmt::format("{} has {} of the {} descriptors open that it may have, and CRIU needs {} "
                                           "more in it",
                                           described(one.process.stat), below, limit->soft, k_needed),
                   .hint = fmt::format("let it have more: prlimit --pid {} --nofile={}:", pid, limit->soft + k_needed),
                   .program_can_help = true};
}

// The highest that CRIU may have at a restore here: it raises its own limit where it may (criu/util.c,
// rlimit_unlimit_nofile).
std::optional<std::uint64_t> highest_for_criu(const Procfs& procfs, pid_t self) {
    const auto own = procfs.status(self);
    std::int64_t number = 0;
    if (own && own->has_capability(CAP_SYS_RESOURCE) &&
        parse_number(trim(procfs.read("sys/fs/nr_open").value_or("")), number))
        return static_cast<std::uint64_t>(number);
    const auto limit = find_limit(procfs.read(self, "limits").value_or(""), k_open_files);
    return limit ? std::optional(limit->hard) : std::nullopt;
}

// While it restores a process CRIU has descriptors of its own above the process's (criu/servicefd.c,
// choose_service_fd_base): 16 of them and 16 to spare, up to a border of 128. "Can't chose service_fd_base".
std::optional<Refusal> refuse_high_descriptor(const Holdings& one, std::uint64_t most) {
    constexpr std::uint64_t k_own = 32;
    constexpr std::uint64_t k_border = 128;
    if (one.open.empty())
        return std::nullopt;
    const auto highest = static_cast<std::uint64_t>(one.open.back().fd);
    std::uint64_t border = k_border;
    while (border <= highest + k_own)
        border *= 2;
    if (border <= most || most / k_border * k_border >= highest + k_own)
        return std::nullopt;
    return Refusal{.pid = one.process.pid(),
                   .sentence = fmt::format("{} has the descriptor {} open, and with the limit of {} that cedana has "
                                           "CRIU could not restore one above {}",
                                           described(one.process.stat), highest, most,
                                           std::max(most / k_border * k_border, k_own) - k_own),
                   .hint = "run cedana with a higher hard limit (ulimit -Hn), or let the program use lower numbers",
                   .program_can_help = true};
}

// Where CRIU restores a process it opens what that has mapped before it maps any of it (criu/mem.c, open_vmas), beside
// the process's own descriptors and some of its own. Tried: with a limit of 20,000 a process of three descriptors came
// back with 19,900 such mappings, and failed with 19,985 ("Unable to create pipe: Too many open files").
std::optional<Refusal> refuse_many_mappings(const Holdings& one, std::uint64_t most) {
    if (one.open.size() + one.opened_to_map + k_opened_by_criu <= most)
        return std::nullopt;
    return Refusal{
        .pid = one.process.pid(),
        .sentence = fmt::format("{} has {} descriptors, and {} mappings of shared memory and files, for each of "
                                "which CRIU needs one to restore it: more than the limit of {} that cedana has",
                                described(one.process.stat), one.open.size(), one.opened_to_map, most),
        .hint = fmt::format("run cedana, here and where it is to come back, with a higher hard limit: ulimit -Hn {}",
                            one.open.size() + one.opened_to_map + k_opened_by_criu),
        .program_can_help = true};
}

// CRIU maps into the process what it runs in there, and room for 16 bytes for each page of its private mappings
// (criu/mem.c, dump_pages_args_size): "remote mmap() failed: Cannot allocate memory". Less than this is never enough.
std::optional<Refusal> refuse_address_space(const Procfs& procfs, const Holdings& one, const std::string& limits) {
    constexpr std::uint64_t k_code = 48UL * 1024;
    constexpr std::uint64_t k_each_page = 16;
    const auto limit = find_limit(limits, k_address_space);
    if (!limit)
        return std::nullopt;
    const auto page = page_size();
    const std::string pages = procfs.read(one.process.pid(), "statm").value_or("");
    std::int64_t used_pages = 0;
    if (!parse_number(pages.substr(0, pages.find(' ')), used_pages))
        return std::nullopt;
    const std::uint64_t used = static_cast<std::uint64_t>(used_pages) * page;
    const std::uint64_t needed = k_code + one.private_bytes / page * k_each_page;
    if (used + needed < limit->soft)
        return std::nullopt;
    const pid_t pid = one.process.pid();
    return Refusal{.pid = pid,
                   .sentence = fmt::format("{} uses {} of the {} of addresses that it may have (RLIMIT_AS), and CRIU "
                                           "needs {} more in it",
                                           described(one.process.stat), human_bytes(used), human_bytes(limit->soft),
                                           human_bytes(needed)),
                   .hint = fmt::format("let it have more: prlimit --pid {} --as={}:", pid, used + 2 * needed),
                   .program_can_help = true};
}

// criu/cr-restore.c, validate_sched_parm, knows SCHED_OTHER, FIFO, RR, BATCH and IDLE: "Inconsistent sched params
// received".
const char* policy_unknown_to_criu(pid_t thread) {
    constexpr int k_deadline = 6;
    constexpr int k_extensible = 7;
    // sched_getscheduler(2) of a C library need not ask the kernel.
    const auto policy = ::syscall(SYS_sched_getscheduler, thread);
    if (policy < 0)
        return nullptr;
    switch (static_cast<int>(policy) & ~SCHED_RESET_ON_FORK) {
    case k_deadline:
        return "SCHED_DEADLINE";
    case k_extensible:
        return "SCHED_EXT";
    default:
        return nullptr;
    }
}

std::optional<Refusal> refuse_scheduling(const TreeProcess& process) {
    for (const pid_t thread : process.threads)
        if (const char* const policy = policy_unknown_to_criu(thread))
            return Refusal{.pid = process.pid(),
                           .sentence = fmt::format("{} is scheduled by {} (thread {}), and CRIU could not restore that",
                                                   described(process.stat), policy, thread),
                           .hint = fmt::format("give it another policy for the dump: chrt --other --pid 0 {}", thread),
                           .program_can_help = true};
    return std::nullopt;
}

} // namespace

std::vector<Refusal> refused_limits(const Procfs& procfs, const TreeHoldings& tree, pid_t self) {
    std::vector<Refusal> refusals;
    const auto add = [&](std::optional<Refusal> refusal) {
        if (refusal)
            refusals.push_back(std::move(*refusal));
    };
    const auto most = highest_for_criu(procfs, self);
    for (const Holdings& one : tree) {
        if (one.process.stat.is_zombie())
            continue;
        const std::string limits = procfs.read(one.process.pid(), "limits").value_or("");
        add(refuse_full_table(one, limits));
        if (most) {
            add(refuse_high_descriptor(one, *most));
            add(refuse_many_mappings(one, *most));
        }
        add(refuse_address_space(procfs, one, limits));
        add(refuse_scheduling(one.process));
    }
    return refusals;
}

} // namespace cedana
