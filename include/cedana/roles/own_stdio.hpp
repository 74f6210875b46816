// SPDX-License-Identifier: Apache-2.0
// The standard descriptors of this command, and what is made of them for a restored tree.
#pragma once

#include "cedana/criu/pipe_data.hpp"
#include "cedana/model/callers_place.hpp"
#include "cedana/roles/far_ends.hpp"
#include "cedana/roles/restore.hpp"

#include <cstdint>
#include <filesystem>
#include <map>

namespace cedana {

[[nodiscard]] OwnStdio read_own_stdio();
// Three descriptors in a row that stand for them.
[[nodiscard]] OwnStdio read_given_ends(int first);

// Where output goes unless the user says so: the checkpoint's name with .out, in the folder of logs.
[[nodiscard]] std::filesystem::path default_output(const std::filesystem::path& checkpoint);

// Where output goes that led outside.
struct OutputPlace {
    std::filesystem::path path;
    Caller caller = {};
    NamedBy named_by = NamedBy::caller;
};

// Throws as make_ends() would if the file is needed and cannot be opened or made; makes nothing.
void require_output(const Joins& joins, const OutputPlace& output);

// Opens the file, if one is needed, and makes pipes. `unread`: by inode. Throws Error.
[[nodiscard]] roles::Ends make_ends(const Joins& joins, const OutputPlace& output,
                                    const std::map<std::uint64_t, criu::PipeData>& unread);

} // namespace cedana
