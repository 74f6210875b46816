// SPDX-License-Identifier: Apache-2.0
#include "cedana/containers/changed_files.hpp"

#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/containers/root_folder.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include <fcntl.h>

namespace cedana::containers {

namespace {

// overlayfs escapes what would end an option.
std::string unescaped(std::string_view option) {
    std::string text;
    for (std::size_t at = 0; at < option.size(); ++at) {
        if (option[at] == '\\' && at + 1 < option.size())
            ++at;
        text += option[at];
    }
    return text;
}

} // namespace

std::optional<Overlay> find_overlay(const std::vector<Mount>& mounts) {
    constexpr std::string_view k_upper = "upperdir=";
    // Of several the last is seen.
    const auto root = std::ranges::find(mounts.rbegin(), mounts.rend(), std::string("/"), &Mount::path);
    if (root == mounts.rend() || root->type != "overlay")
        return std::nullopt;
    Overlay overlay;
    for (const std::string& option : split(root->options, ','))
        if (option.starts_with(k_upper))
            overlay.upper = unescaped(std::string_view(option).substr(k_upper.size()));
    if (!overlay.upper.is_absolute())
        return std::nullopt;
    for (const Mount& mount : mounts)
        if (mount.path.size() > 1)
            overlay.mounted.insert(mount.path.substr(1));
    return overlay;
}

FolderCapture capture_of(const Overlay& overlay) {
    return {open_file(overlay.upper, O_RDONLY | O_DIRECTORY),
            FolderKind::upper,
            {.ahead = k_root_files, .since = k_root_files_since},
            overlay.mounted};
}

std::string write_removed(const std::vector<std::string>& removed) {
    std::string text;
    for (const std::string& path : removed)
        text.append(path).push_back('\0');
    return text;
}

std::vector<std::string> parse_removed(std::string_view text) {
    std::vector<std::string> removed;
    for (const std::string& path : split(text, '\0'))
        if (std::string inner = parse_inner_path(path); !inner.empty())
            removed.push_back(std::move(inner));
    return removed;
}

} // namespace cedana::containers
