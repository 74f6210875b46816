// SPDX-License-Identifier: Apache-2.0
#include "cedana/host/fit.hpp"

#include "cedana/base/descriptor_limit.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/files/put_back.hpp"
#include "cedana/process/holdings.hpp"
#include "cedana/process/procfs.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <optional>
#include <set>
#include <string_view>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "listed_cause.hpp"

namespace cedana {

namespace {

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
    // What was open may have been a link itself (O_PATH), wherever it leads.
    if (file.kind == RequiredKind::other && ::lstat(file.path.c_str(), &info) == 0 && S_ISLNK(info.st_mode))
        return std::nullopt;
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

std::set<std::string> addresses_of_host() {
    ifaddrs* list = nullptr;
    std::set<std::string> addresses;
    if (::getifaddrs(&list) != 0)
        return addresses;
    for (const ifaddrs* one = list; one != nullptr; one = one->ifa_next) {
        if (one->ifa_addr == nullptr)
            continue;
        std::array<char, INET6_ADDRSTRLEN> text{};
        const auto family = one->ifa_addr->sa_family;
        const void* address = nullptr;
        if (family == AF_INET)
            address = &reinterpret_cast<const sockaddr_in*>(one->ifa_addr)->sin_addr;
        if (family == AF_INET6)
            address = &reinterpret_cast<const sockaddr_in6*>(one->ifa_addr)->sin6_addr;
        if (address != nullptr && ::inet_ntop(family, address, text.data(), text.size()) != nullptr)
            addresses.insert(text.data());
    }
    ::freeifaddrs(list);
    return addresses;
}

// By a comparison, or since it is put back.
bool is_seen_to(const Manifest& manifest, const std::string& path) {
    return std::ranges::count(manifest.files, path, &CapturedFile::path) != 0 ||
           std::ranges::count(manifest.required_files, path, &RequiredFile::path) != 0;
}

bool is_there(const std::string& path) {
    struct ::stat info {};
    return ::lstat(path.c_str(), &info) == 0;
}

// Before CRIU looks for it.
bool is_put_there(const Manifest& manifest, const std::string& path) {
    return std::ranges::any_of(manifest.files,
                               [&](const CapturedFile& file) { return file.path == path && !file.entry.empty(); }) ||
           std::ranges::count(manifest.places, path, &NamedPlace::path) != 0;
}

} // namespace

bool is_loopback(std::string_view address) { return address.starts_with("127.") || address == "::1"; }

std::vector<std::string> homeless_connections(const Manifest& manifest, const std::set<std::string>& addresses) {
    std::vector<std::string> homeless;
    for (const TcpConnection& one : manifest.connections)
        if (!is_loopback(one.local_address) && !addresses.contains(one.local_address))
            homeless.push_back(printable(
                fmt::format("{}:{} to {}:{}", one.local_address, one.local_port, one.remote_address, one.remote_port)));
    return homeless;
}

void require_addresses(const Manifest& manifest, const std::vector<std::string>& criu_arguments) {
    if (std::ranges::count(criu_arguments, "--tcp-close") != 0)
        return;
    const std::vector<std::string> homeless = homeless_connections(manifest, addresses_of_host());
    if (!homeless.empty())
        throw Error(Fault::environment,
                    fmt::format("{} TCP connections of {} cannot come back: this host does not have "
                                "their address, as in {}",
                                homeless.size(), printable(manifest.name), homeless.front()))
            .hint(
                "give this host the address, or pass --criu-arg=--tcp-close: the program finds its connections closed");
}

std::vector<std::string> missing_instructions(const Manifest& manifest, const ManifestHost& host) {
    std::vector<std::string> missing;
    if (manifest.host.machine != host.machine)
        return missing;
    for (const std::string& flag : manifest.host.cpu_flags)
        if (is_for_programs(flag) && std::ranges::count(host.cpu_flags, flag) == 0)
            missing.push_back(printable(flag));
    return missing;
}

void require_instructions(const Manifest& manifest, const ManifestHost& host, bool any_cpu) {
    const std::vector<std::string> missing = missing_instructions(manifest, host);
    if (missing.empty())
        return;
    if (any_cpu) {
        spdlog::warn("this CPU lacks {}: the program ends with SIGILL or SIGSEGV when it uses one of these (--any-cpu)",
                     fmt::join(missing, ", "));
        return;
    }
    throw Error(Fault::environment,
                fmt::format("{} cannot run here: this CPU lacks instructions of the one that it ran on",
                            printable(manifest.name)))
        .cause(fmt::format("{} ({} has them)", fmt::join(missing, ", "), printable(manifest.host.cpu_model)))
        .hint(
            "restore on a host whose CPU has them, or pass --any-cpu to a restore: a program that uses them ends then "
            "with SIGILL or SIGSEGV");
}

std::vector<std::string> misfits(const Manifest& manifest, const ManifestHost& host) {
    std::vector<std::string> found;
    if (manifest.host.machine != host.machine)
        found.push_back(
            fmt::format("it was made on {}, and this host is {}", printable(manifest.host.machine), host.machine));
    for (const RequiredFile& file : manifest.required_files)
        if (auto misfit = is_put_there(manifest, file.path) ? std::nullopt : misfit_of(file))
            found.push_back(std::move(*misfit));
    for (const OutsideFile& file : manifest.outside_files)
        if (!is_seen_to(manifest, file.path) && !is_there(file.path))
            found.push_back(fmt::format("{}: missing", printable(file.path)));
    return found;
}

void require_memory(const Manifest& manifest, std::uint64_t more, std::optional<std::uint64_t> available) {
    const std::uint64_t needed = manifest.bytes_images + more;
    if (available && needed > *available)
        throw Error(Fault::environment,
                    fmt::format("{} cannot run here: it has {} of memory, and {} are available",
                                printable(manifest.name), human_bytes(needed), human_bytes(*available)))
            .hint("end other programs, add swap space, or restore on a host with more memory");
}

void require_descriptors(const Manifest& manifest, std::uint64_t limit) {
    // For each process a lock, and the pipes of the images that it reads at a time; and for itself.
    constexpr std::uint64_t k_each = 3;
    constexpr std::uint64_t k_others = 128;
    const std::size_t processes = manifest.tree.size();
    // And for each folder into which files are put back, and for so many of these.
    std::set<std::string> folders;
    for (const CapturedFile& file : manifest.files)
        folders.insert(file.path.substr(0, file.path.rfind('/')));
    for (const NamedPlace& place : manifest.places)
        folders.insert(place.path.substr(0, place.path.rfind('/')));
    const std::uint64_t held = std::min<std::uint64_t>(manifest.files.size(), limit / k_pinned_part) +
                               std::min<std::uint64_t>(manifest.files.size(), limit / k_unnamed_part);
    require_descriptors(k_others + k_each * processes + folders.size() + held,
                        fmt::format("a restore of {}, with {} processes,", printable(manifest.name), processes), limit);
}

std::uint64_t highest_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return std::numeric_limits<std::uint64_t>::max();
    const auto status = Procfs().status(::getpid());
    std::int64_t most = 0;
    if (status && status->has_capability(CAP_SYS_RESOURCE) &&
        parse_number(trim(read_file("/proc/sys/fs/nr_open")), most))
        return std::max<std::uint64_t>(limit.rlim_max, static_cast<std::uint64_t>(most));
    return limit.rlim_max;
}

void require_descriptor_numbers(const RestoreNeeds& needs, const std::string& name, std::uint64_t limit) {
    if (needs.highest.fd < 0 || static_cast<std::uint64_t>(needs.highest.fd) < limit)
        return;
    throw Error(Fault::environment,
                fmt::format("{} cannot run here: process {} has the descriptor {}, and the limit of this host is {}",
                            printable(name), needs.highest.pid, needs.highest.fd, limit))
        .hint(fmt::format("raise the hard limit of whoever runs cedana: ulimit -Hn {}", needs.highest.fd + 1));
}

void require_descriptor_room(const RestoreNeeds& needs, const std::string& name, std::uint64_t limit) {
    const NeededOpenFiles& open = needs.open_files;
    if (open.both() + k_opened_by_criu <= limit)
        return;
    throw Error(Fault::environment,
                fmt::format("{} cannot run here: process {} has {} descriptors, and {} mappings of shared memory and "
                            "files, for each of which CRIU needs one, and the limit of this host is {}",
                            printable(name), open.pid, open.descriptors, open.mappings, limit))
        .hint(
            fmt::format("raise the hard limit of whoever runs cedana: ulimit -Hn {}", open.both() + k_opened_by_criu));
}

void require_fit(const Manifest& manifest, const ManifestHost& host) {
    std::vector<std::string> found = misfits(manifest, host);
    if (found.empty())
        return;
    throw Error(Fault::environment, fmt::format("{} cannot run here: this host lacks what it had on {}",
                                                printable(manifest.name), printable(manifest.host.name)))
        .cause(listed_cause(std::move(found)))
        .hint(
            "install the same versions of the programs here, bring the files back, or restore on a host that has them");
}

} // namespace cedana
