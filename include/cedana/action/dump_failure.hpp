// SPDX-License-Identifier: Apache-2.0
// The end of a dump that did not work: what became of the tree, by pid and start time; what CRIU left, taken back; and
// the error that says all of it.
#pragma once

#include "cedana/base/error.hpp"
#include "cedana/criu/dump.hpp"
#include "cedana/process/tree.hpp"
#include "cedana/undo/dump_record.hpp"

#include <exception>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace cedana {

struct FailedDump {
    const ProcessTree& tree;
    // "process 42 (redis-server)"
    std::string target;
    const DumpRecord& record;
    std::filesystem::path work;
    // Where the whole checkpoint is, if it was finished before.
    std::optional<std::filesystem::path> checkpoint = std::nullopt;
    // What was known of it before, and passed over (--anyway).
    std::vector<std::string> passed_over = {};
};

// CRIU was cancelled, for `error`, and has resumed the tree. One that is no Error has the Fault of its errno, if it has
// one.
[[noreturn]] void explain_cancelled(const FailedDump& dump, const std::exception& error);
// CRIU failed or was killed.
[[noreturn]] void explain_failure(const FailedDump& dump, const criu::DumpReport& report);

} // namespace cedana
