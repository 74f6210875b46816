// SPDX-License-Identifier: Apache-2.0
// The facts of a tree as lines for people: what is usual is counted, what is unusual is named.
#pragma once

#include "cedana/cli/table.hpp"
#include "cedana/model/recorded_facts.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace cedana {

// Safe for a terminal, without line ends.
[[nodiscard]] std::vector<std::string> facts_lines(const RecordedFacts& facts);
// Of these what is open; and what is unusual about where the processes run: namespaces, cgroups, tracers.
[[nodiscard]] std::vector<std::string> open_lines(const RecordedFacts& facts);
[[nodiscard]] std::vector<std::string> place_lines(const RecordedFacts& facts);

// Every descriptor, and every socket, one a row.
[[nodiscard]] Table open_table(const RecordedFacts& facts);
[[nodiscard]] Table socket_table(const RecordedFacts& facts);

// "r", "w", "rw", with "a" for what is only appended to.
[[nodiscard]] std::string access_of(unsigned flags);
// "deleted", "has 3 names", "locked (FLOCK ADVISORY WRITE 0 EOF)", "9 watches"; empty if nothing is unusual.
[[nodiscard]] std::string remark_on(const RecordedDescriptor& open);
// "4242:3, 4243:3": who has a socket open.
[[nodiscard]] std::string holders_of(const RecordedFacts& facts, std::uint64_t inode);

} // namespace cedana
