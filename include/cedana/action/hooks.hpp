// SPDX-License-Identifier: Apache-2.0
// The user's executables at the borders of an operation (action_scripts.*).
#pragma once

#include <filesystem>
#include <string>

#include <sys/types.h>

namespace cedana {

struct Hook {
    // Empty: nothing is run.
    std::string program;
    // "pre_dump", "post_dump", "pre_restore", "post_restore": CEDANA_STAGE.
    std::string stage;
    // CEDANA_PID
    pid_t pid = 0;
    // CEDANA_CHECKPOINT; before a dump the folder that it goes to.
    std::filesystem::path checkpoint;
};

// Runs it to its end; its output goes to stderr, so that stdout carries the result alone. Throws Error(Fault::usage)
// when it cannot be run or fails.
void run_hook(const Hook& hook);

} // namespace cedana
