// SPDX-License-Identifier: Apache-2.0
// `cedana config keygen`: new keys, in files of their own.
#pragma once

#include "cedana/model/caller.hpp"

#include <filesystem>

namespace cedana {

// signing: of security.signing_key. recipient: of security.identity. encryption: of security.encryption_key.
enum class KeyUse { signing, recipient, encryption };

struct KeyFiles {
    std::filesystem::path secret;
    // What others may have; empty for encryption.
    std::filesystem::path published;
};

// FILE (0600) and, but for encryption, FILE.pub (0644), made with the rights of the caller: a user behind sudo makes no
// file where they may not. Throws Error(Fault::usage) if one of them is there, Error of the errno; neither is left
// behind then.
[[nodiscard]] KeyFiles make_key(KeyUse use, const std::filesystem::path& file, const Caller& caller);

} // namespace cedana
