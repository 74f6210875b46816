// SPDX-License-Identifier: Apache-2.0
// The messages of CRIU 4.x whose cause and remedy are known. Texts, not line numbers: those differ between releases.
#pragma once

#include <string_view>

namespace cedana::criu {

struct KnownFailure {
    std::string_view cause;
    std::string_view remedy;
    // CRIU could not stop the process: if that has ended meanwhile, this is why.
    bool while_stopping = false;
};

// By a part of an Error line; null if it is not known.
[[nodiscard]] const KnownFailure* find_known_error(std::string_view text);

// Some causes stand only in a warning or in plain output: by a part of any line; null if it is not known.
[[nodiscard]] const KnownFailure* find_known_remark(std::string_view line);

} // namespace cedana::criu
