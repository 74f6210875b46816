// SPDX-License-Identifier: Apache-2.0
#include "cedana/facts/cpu_list.hpp"

#include "cedana/base/text.hpp"

#include <cstddef>
#include <cstdint>

#include <spdlog/fmt/fmt.h>

#include <sys/syscall.h>
#include <unistd.h>

namespace cedana {

namespace {

// CONFIG_NR_CPUS of the largest kernels.
constexpr std::size_t k_most_cpus = 8192;
constexpr std::size_t k_bits = sizeof(unsigned long) * 8;

bool has_cpu(const CpuSet& cpus, std::size_t number) {
    return number / k_bits < cpus.size() && ((cpus[number / k_bits] >> (number % k_bits)) & 1UL) != 0;
}

} // namespace

std::string cpu_list(const CpuSet& cpus) {
    std::string text;
    for (std::size_t first = 0; first < cpus.size() * k_bits; ++first) {
        if (!has_cpu(cpus, first))
            continue;
        std::size_t last = first;
        while (has_cpu(cpus, last + 1))
            ++last;
        text += fmt::format("{}{}", text.empty() ? "" : ",", first);
        if (last != first)
            text += fmt::format("-{}", last);
        first = last;
    }
    return text;
}

std::optional<CpuSet> parse_cpu_list(std::string_view text) {
    CpuSet cpus(k_most_cpus / k_bits);
    for (const std::string& range : split(text, ',')) {
        const std::size_t dash = range.find('-');
        std::int64_t first = 0;
        std::int64_t last = 0;
        if (!parse_number(range.substr(0, dash), first) ||
            !parse_number(dash == std::string::npos ? range : range.substr(dash + 1), last) || first < 0 ||
            last < first || last >= static_cast<std::int64_t>(k_most_cpus))
            return std::nullopt;
        for (auto number = static_cast<std::size_t>(first); number <= static_cast<std::size_t>(last); ++number)
            cpus[number / k_bits] |= 1UL << (number % k_bits);
    }
    return cpus;
}

std::optional<CpuSet> affinity_of(pid_t thread) {
    CpuSet cpus(k_most_cpus / k_bits);
    // The call itself tells how many bytes the kernel has written, which the C library's function does not.
    const long bytes = ::syscall(SYS_sched_getaffinity, thread, cpus.size() * sizeof(unsigned long), cpus.data());
    return bytes > 0 ? std::optional(std::move(cpus)) : std::nullopt;
}

bool set_affinity(pid_t thread, const CpuSet& cpus) {
    return ::syscall(SYS_sched_setaffinity, thread, cpus.size() * sizeof(unsigned long), cpus.data()) == 0;
}

CpuSet every_cpu() { return CpuSet(k_most_cpus / k_bits, ~0UL); }

CpuSet widest_affinity() {
    const auto own = affinity_of(0);
    if (!own || !set_affinity(0, every_cpu()))
        return own.value_or(CpuSet());
    CpuSet widest = affinity_of(0).value_or(*own);
    set_affinity(0, *own);
    return widest;
}

} // namespace cedana
