// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/mounts.hpp"

#include "cedana/base/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <optional>

namespace cedana {

namespace {

// Spaces and their like are written as "\040".
std::string unescaped(std::string_view text) {
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned code = 0;
        const std::string_view digits = text.substr(i).starts_with('\\') ? text.substr(i + 1, 3) : std::string_view();
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), code, 8);
        if (error != std::errc() || end != digits.data() + 3 || code > 0377) {
            plain += text[i];
            continue;
        }
        plain += static_cast<char>(code);
        i += 3;
    }
    return plain;
}

// "36 35 98:0 /root /path options [tags] - type source options"
std::optional<Mount> parse_mount(const std::string& line) {
    const std::vector<std::string> words = split(line, ' ');
    const auto dash = std::ranges::find(words, "-");
    std::int64_t id = 0;
    if (words.size() < 6 || words.end() - dash < 2 || !parse_number(words[0], id))
        return std::nullopt;
    return Mount{.id = static_cast<int>(id), .device = words[2], .path = unescaped(words[4]), .type = *(dash + 1)};
}

} // namespace

std::vector<Mount> parse_mounts(std::string_view content) {
    std::vector<Mount> mounts;
    for (const std::string& line : split(content, '\n'))
        if (auto mount = parse_mount(line))
            mounts.push_back(std::move(*mount));
    return mounts;
}

bool is_made_up(const Mount& mount) {
    constexpr auto k_types = std::to_array<std::string_view>(
        {"autofs", "binfmt_misc", "bpf",      "cgroup",  "cgroup2",   "configfs",   "debugfs",
         "devpts", "devtmpfs",    "efivarfs", "fusectl", "mqueue",    "nsfs",       "proc",
         "pstore", "rpc_pipefs",  "sysfs",    "tracefs", "selinuxfs", "securityfs", "hugetlbfs"});
    return std::ranges::find(k_types, mount.type) != k_types.end();
}

} // namespace cedana
