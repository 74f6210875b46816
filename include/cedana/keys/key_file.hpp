// SPDX-License-Identifier: Apache-2.0
// Files that hold keys. One that others may read, or put another key into the place of (trusted_path.hpp), is refused
// before it is used, with what mends it.
#pragma once

#include "cedana/base/secret_bytes.hpp"

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

namespace cedana {

// secret: its owner alone may read it. published: anybody may.
enum class KeyFile { secret, published };

// All of it, at most 1 MiB. Throws Error(Fault::usage) if it is not there or no file, with `setting`, which names it;
// Error(Fault::permission) if others than root and this user may do too much with it or with a folder above it.
[[nodiscard]] SecretBytes read_key_file(KeyFile kind, const std::filesystem::path& path, std::string_view setting);

// A new file, on the disk when this returns; 0600 or 0644 whatever the umask is. Throws Error(Fault::usage) if there is
// something of that name, Error of the errno; nothing is left behind then.
void create_key_file(KeyFile kind, const std::filesystem::path& path, std::span<const std::byte> content);

} // namespace cedana
