// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/compatibility.hpp"

#include <array>
#include <charconv>
#include <compare>

namespace cedana::criu {

namespace {

struct Version {
    int major = 0;
    int minor = 0;
    friend auto operator<=>(const Version&, const Version&) = default;
};

std::optional<Version> parse(std::string_view text) {
    Version version;
    const char* const end = text.data() + text.size();
    const auto major = std::from_chars(text.data(), end, version.major);
    if (major.ec != std::errc() || major.ptr == end || *major.ptr != '.')
        return std::nullopt;
    const auto minor = std::from_chars(major.ptr + 1, end, version.minor);
    return minor.ec == std::errc() ? std::optional(version) : std::nullopt;
}

struct CompatibilityRow {
    Version kernel;
    Version mended;
    KnownFlaw flaw;
};

// Both were seen: 3.17.1 on 6.18 says "vdso: Unexpected rt vDSO area bounds"; 4.1.1 cannot read SO_PASSCRED of an inet
// socket from 6.16 on.
constexpr std::array k_rows = {
    CompatibilityRow{{6, 13}, {4, 1}, {"it takes the vDSO of this kernel for damaged and fails at once", "4.1"}},
    CompatibilityRow{{6, 16}, {4, 2}, {"it cannot dump a process that has an internet socket on this kernel", "4.2"}},
};

} // namespace

std::optional<KnownFlaw> known_flaw(std::string_view criu_version, std::string_view kernel_release) {
    const auto criu = parse(criu_version);
    const auto kernel = parse(kernel_release);
    if (!criu || !kernel)
        return std::nullopt;
    for (const CompatibilityRow& row : k_rows)
        if (*kernel >= row.kernel && *criu < row.mended)
            return row.flaw;
    return std::nullopt;
}

} // namespace cedana::criu
