// SPDX-License-Identifier: Apache-2.0
// What a name has led to, for people and programs: the same in `client find` and where a dump refuses a name.
#pragma once

#include "cedana/cli/table.hpp"
#include "cedana/process/find.hpp"

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <sys/types.h>

namespace cedana {

// Whether the one that would be taken is marked.
enum class Mark { nothing, winner };

[[nodiscard]] Table candidates_table(const FindResult& found, Mark mark);
// {name, winner, candidates}
[[nodiscard]] nlohmann::ordered_json to_json(const FindResult& found);

// The command line to type for this pid in place of the name: `words` are those behind the program's own.
[[nodiscard]] std::string line_with_pid(const std::vector<std::string>& words, const std::string& name, pid_t pid);

} // namespace cedana
