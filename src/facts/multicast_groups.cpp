// SPDX-License-Identifier: Apache-2.0
#include "cedana/facts/multicast_groups.hpp"

#include "cedana/base/text.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "socket_number.hpp"

namespace cedana {

namespace {

std::vector<std::string> words_of(const std::string& line) {
    std::string spaced = line;
    std::ranges::replace(spaced, '\t', ' ');
    std::vector<std::string> words = split(spaced, ' ');
    std::erase(words, "");
    return words;
}

template <typename Number>
std::optional<Number> parsed_number(std::string_view text, int base) {
    Number number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
    return error == std::errc() && end == text.data() + text.size() && !text.empty() ? std::optional(number)
                                                                                     : std::nullopt;
}

std::optional<sockaddr_storage> address_of_group(const std::string& text) {
    sockaddr_storage storage{};
    auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
    if (::inet_pton(AF_INET, text.c_str(), &v4->sin_addr) == 1)
        storage.ss_family = AF_INET;
    else if (::inet_pton(AF_INET6, text.c_str(), &v6->sin6_addr) == 1)
        storage.ss_family = AF_INET6;
    else
        return std::nullopt;
    return storage;
}

std::string text_of_address(const sockaddr_storage& storage) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (storage.ss_family == AF_INET)
        ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(&storage)->sin_addr, text.data(), text.size());
    else
        ::inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_addr, text.data(), text.size());
    return text.data();
}

int level_of(const sockaddr_storage& group) { return group.ss_family == AF_INET ? SOL_IP : SOL_IPV6; }

// A group_filter with room for `count` sources (ip(7), MCAST_MSFILTER).
std::vector<std::byte> filter_for(unsigned device, const sockaddr_storage& group, std::size_t count) {
    std::vector<std::byte> bytes(GROUP_FILTER_SIZE(count));
    auto* filter = reinterpret_cast<group_filter*>(bytes.data());
    filter->gf_interface = device;
    filter->gf_group = group;
    filter->gf_numsrc = static_cast<std::uint32_t>(count);
    return bytes;
}

// EADDRNOTAVAIL: not a member (net/ipv4/igmp.c, ip_mc_gsfget).
std::optional<GroupMembership> membership_in(const UniqueFd& socket, const JoinedGroup& joined) {
    constexpr std::size_t k_most_sources = 128;
    const auto group = address_of_group(joined.group);
    if (!group)
        return std::nullopt;
    std::vector<std::byte> bytes = filter_for(joined.device, *group, k_most_sources);
    auto size = static_cast<socklen_t>(bytes.size());
    if (::getsockopt(socket.get(), level_of(*group), MCAST_MSFILTER, bytes.data(), &size) != 0)
        return std::nullopt;
    const auto* filter = reinterpret_cast<const group_filter*>(bytes.data());
    GroupMembership membership{
        .device = joined.name, .group = joined.group, .only_sources = filter->gf_fmode == MCAST_INCLUDE};
    for (std::size_t i = 0; i < std::min<std::size_t>(filter->gf_numsrc, k_most_sources); ++i)
        membership.sources.push_back(text_of_address(filter->gf_slist[i]));
    return membership;
}

// In the network namespace of the socket.
std::optional<unsigned> device_called(const UniqueFd& socket, const std::string& name) {
    ifreq request{};
    if (name.size() >= sizeof request.ifr_name)
        return std::nullopt;
    std::memcpy(request.ifr_name, name.data(), name.size());
    if (::ioctl(socket.get(), SIOCGIFINDEX, &request) != 0)
        return std::nullopt;
    return static_cast<unsigned>(request.ifr_ifindex);
}

} // namespace

JoinedGroups parse_igmp(const std::string& igmp) {
    JoinedGroups groups;
    JoinedGroup one;
    for (const std::string& line : split(igmp, '\n')) {
        const std::vector<std::string> words = words_of(line);
        if (words.empty())
            continue;
        if (!line.starts_with('\t')) {
            // "2\teth0      :     1      V3"
            const auto device = parsed_number<unsigned>(words[0], 10);
            one.device = device.value_or(0);
            one.name = words.size() > 1 ? words[1] : "";
            if (one.name.ends_with(':'))
                one.name.pop_back();
            continue;
        }
        // "\t\t\t\t010000E0     1 0:00000000\t\t0": in the byte order of the network.
        const auto address = parsed_number<std::uint32_t>(words[0], 16);
        std::array<char, INET_ADDRSTRLEN> text{};
        if (one.device != 0 && address && ::inet_ntop(AF_INET, &*address, text.data(), text.size()) != nullptr) {
            one.group = text.data();
            groups.push_back(one);
        }
    }
    return groups;
}

JoinedGroups parse_igmp6(const std::string& igmp6) {
    constexpr std::size_t k_digits = 32;
    JoinedGroups groups;
    for (const std::string& line : split(igmp6, '\n')) {
        // "2    eth0            ff02000000000000000000000000fb00     1 00000004 0"
        const std::vector<std::string> words = words_of(line);
        const auto device = words.size() > 2 ? parsed_number<unsigned>(words[0], 10) : std::nullopt;
        if (!device || words[2].size() != k_digits)
            continue;
        std::string text;
        for (std::size_t i = 0; i < k_digits; i += 4)
            text += (i == 0 ? "" : ":") + words[2].substr(i, 4);
        if (const auto group = address_of_group(text))
            groups.push_back({.device = *device, .name = words[1], .group = text_of_address(*group)});
    }
    return groups;
}

JoinedGroups joined_groups(const Procfs& procfs, pid_t pid) {
    JoinedGroups groups = parse_igmp(procfs.read(pid, "net/igmp").value_or(""));
    const JoinedGroups more = parse_igmp6(procfs.read(pid, "net/igmp6").value_or(""));
    groups.insert(groups.end(), more.begin(), more.end());
    std::ranges::sort(groups);
    groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
    return groups;
}

std::vector<GroupMembership> memberships_of(const UniqueFd& socket, const JoinedGroups& joined) {
    const int domain = socket_number(socket, SO_DOMAIN);
    if (domain != AF_INET && domain != AF_INET6)
        return {};
    std::vector<GroupMembership> memberships;
    for (const JoinedGroup& one : joined)
        if (auto membership = membership_in(socket, one))
            memberships.push_back(std::move(*membership));
    return memberships;
}

std::string join_again(const UniqueFd& socket, const GroupMembership& wanted) {
    const auto group = address_of_group(wanted.group);
    const auto device = device_called(socket, wanted.device);
    if (!group)
        return "it is no group";
    if (!device)
        return "there is no such network device here";
    group_req request{.gr_interface = *device, .gr_group = *group};
    // EADDRINUSE: it is a member.
    if (::setsockopt(socket.get(), level_of(*group), MCAST_JOIN_GROUP, &request, sizeof request) != 0 &&
        errno != EADDRINUSE)
        return std::strerror(errno);
    if (!wanted.only_sources && wanted.sources.empty())
        return {};
    std::vector<std::byte> bytes = filter_for(*device, *group, wanted.sources.size());
    auto* filter = reinterpret_cast<group_filter*>(bytes.data());
    filter->gf_fmode = wanted.only_sources ? MCAST_INCLUDE : MCAST_EXCLUDE;
    for (std::size_t i = 0; i < wanted.sources.size(); ++i) {
        const auto source = address_of_group(wanted.sources[i]);
        if (!source)
            return "a source is no address";
        filter->gf_slist[i] = *source;
    }
    return ::setsockopt(socket.get(), level_of(*group), MCAST_MSFILTER, bytes.data(),
                        static_cast<socklen_t>(bytes.size())) == 0
               ? std::string()
               : std::strerror(errno);
}

} // namespace cedana
