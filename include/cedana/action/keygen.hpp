// SPDX-License-Identifier: Apache-2.0
// `cedana config keygen`: new keys, in files of their own.
#pragma once

#include "cedana/model/caller.hpp"

#include <filesystem>

namespace cedana {

struct KeyFiles {
    std::filesystem::path secret;
    // What others may have.
    std::filesystem::path published;
};

// FILE (0600) and FILE.pub (0644), made with the rights of the caller: a user behind sudo makes no file where they may
// not. Throws Error(Fault::usage) if one of them is there, Error of the errno; neither is left behind then.
[[nodiscard]] KeyFiles make_signing_key(const std::filesystem::path& file, const Caller& caller);

} // namespace cedana
