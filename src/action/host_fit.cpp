// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/host_fit.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <string_view>

#include <spdlog/fmt/fmt.h>

#include <sys/stat.h>

namespace cedana {

namespace {

constexpr std::size_t k_most_listed = 20;

// Flags of /proc/cpuinfo that stand for instructions which programs use when they find them (glibc chooses its string
// functions at start); the other flags are the kernel's own affair.
bool is_for_programs(std::string_view flag) {
    constexpr std::array<std::string_view, 11> k_families = {"sse", "ssse3", "avx",     "amx",  "bmi",  "sha",
                                                             "fma", "vaes",  "vpclmul", "gfni", "xsave"};
    constexpr std::array<std::string_view, 12> k_single = {"aes", "pclmulqdq", "popcnt", "abm",    "f16c",     "movbe",
                                                           "adx", "rdrand",    "rdseed", "rdtscp", "fsgsbase", "erms"};
    return std::ranges::any_of(k_families, [flag](std::string_view family) { return flag.starts_with(family); }) ||
           std::ranges::count(k_single, flag) != 0;
}

std::vector<std::string> missing_instructions(const ManifestHost& then, const ManifestHost& now) {
    std::vector<std::string> missing;
    for (const std::string& flag : then.cpu_flags)
        if (is_for_programs(flag) && std::ranges::count(now.cpu_flags, flag) == 0)
            missing.push_back(flag);
    return missing;
}

std::string_view kind_name(RequiredKind kind) {
    return kind == RequiredKind::file ? "file" : kind == RequiredKind::folder ? "folder" : "device or pipe";
}

RequiredKind kind_of(const struct ::stat& info) {
    return S_ISREG(info.st_mode)   ? RequiredKind::file
           : S_ISDIR(info.st_mode) ? RequiredKind::folder
                                   : RequiredKind::other;
}

std::optional<std::string> misfit_of(const RequiredFile& file) {
    struct ::stat info {};
    // A link may lead there now: CRIU follows it as well.
    if (::stat(file.path.c_str(), &info) != 0) {
        const int err = errno;
        return fmt::format("{}: {}", printable(file.path), err == ENOENT ? "missing" : errno_text(err));
    }
    if (kind_of(info) != file.kind)
        return fmt::format("{}: was a {}, is a {}", printable(file.path), kind_name(file.kind),
                           kind_name(kind_of(info)));
    const auto size = static_cast<std::uint64_t>(info.st_size);
    if (file.kind == RequiredKind::file && size != file.size)
        return fmt::format("{}: had {} bytes, has {}", printable(file.path), file.size, size);
    return std::nullopt;
}

} // namespace

std::vector<std::string> misfits(const Manifest& manifest, const ManifestHost& host) {
    std::vector<std::string> found;
    if (manifest.host.machine != host.machine)
        found.push_back(
            fmt::format("it was made on {}, and this host is {}", printable(manifest.host.machine), host.machine));
    else if (const auto missing = missing_instructions(manifest.host, host); !missing.empty())
        found.push_back(fmt::format("this CPU lacks {}", printable(fmt::format("{}", fmt::join(missing, ", ")))));
    for (const RequiredFile& file : manifest.required_files)
        if (auto misfit = misfit_of(file))
            found.push_back(std::move(*misfit));
    return found;
}

void require_fit(const Manifest& manifest, const ManifestHost& host) {
    std::vector<std::string> found = misfits(manifest, host);
    if (found.empty())
        return;
    const std::size_t count = found.size();
    if (count > k_most_listed) {
        found.resize(k_most_listed);
        found.push_back(fmt::format("and {} more", count - k_most_listed));
    }
    throw Error(Fault::environment, fmt::format("{} cannot run here: this host lacks what it had on {}",
                                                printable(manifest.name), printable(manifest.host.name)))
        .cause(fmt::format("{}", fmt::join(found, "\n         ")))
        .hint(
            "install the same versions of the programs here, bring the files back, or restore on a host that has them");
}

} // namespace cedana
