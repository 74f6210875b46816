// SPDX-License-Identifier: Apache-2.0
// What went wrong, read from CRIU's log: its exit status is 1 for nearly everything, so the log is the only source.
// Matches on text, never on line numbers, and passes over the lines that are in every log (criu.md).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cedana::criu {

struct Diagnosis {
    // The reason in the user's words, with CRIU's own line; the first telling lines if the reason is not known.
    std::string cause;
    // What can be done; empty if nothing is known.
    std::string hint;
    // It is about stopping the process, and says nothing of one that has ended meanwhile.
    bool while_stopping = false;
};

// The Error lines of a log that are not noise, in order, without time and pid prefix.
[[nodiscard]] std::vector<std::string> telling_lines(std::string_view log);

[[nodiscard]] Diagnosis diagnose(std::string_view log);

// Whether a restore failed because a name that it needs (a port, a socket's path, a lock) is somebody else's. Which one
// that is, CRIU says by a number of its own at most.
[[nodiscard]] bool fails_by_a_name(std::string_view log);

} // namespace cedana::criu
