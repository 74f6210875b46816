// SPDX-License-Identifier: Apache-2.0
// Config files on the disk: read and made with the rights of the user whose run this is, so that root neither
// follows a user's links to write nor reads for them what they could not. What a file says is loaded_config.hpp's.
#pragma once

#include "cedana/base/trusted_path.hpp"
#include "cedana/model/caller.hpp"

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace cedana {

inline constexpr std::string_view k_system_config_file = "/etc/cedana/config.json";
inline constexpr std::size_t k_largest_config_file = 1024UL * 1024;

// root: nobody but root can write the file, nor any folder above it or link on the way.
enum class WrittenBy { anyone, root };

struct ConfigText {
    std::string text;
    WrittenBy written_by = WrittenBy::anyone;
    // What lets others write it, beside root and the user whose file it is.
    std::optional<Exposure> exposure = std::nullopt;
};

// Reads root's file with the rights of this process. Absent when there is no such file. Throws Error when it cannot be
// read, is no file or is too large. Who can write it is said of the file that was read, whatever its path names later.
[[nodiscard]] std::optional<ConfigText> read_config_file(const std::filesystem::path& path);
// As above, of the caller's file, with the rights of the caller.
[[nodiscard]] std::optional<ConfigText> read_config_file_as(const Caller& caller, const std::filesystem::path& path);

// "~/.cedana/cedana_config.json" of the caller; empty when they have no home.
[[nodiscard]] std::filesystem::path default_config_path(const Caller& caller);

enum class Creation { created, existed };

// Makes the caller's default config file, and its folder (0700), with the rights of the caller and without
// following a link below the home. What is there already, even a link to nothing, stays as it is. Throws Error;
// no unfinished file is left behind then.
Creation create_config_file(const Caller& caller, std::string_view text);

} // namespace cedana
