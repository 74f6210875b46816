// SPDX-License-Identifier: Apache-2.0
// The user's executables at the borders of an action (action_scripts.*).
#pragma once

#include "cedana/base/signals.hpp"
#include "cedana/model/config.hpp"

#include <chrono>
#include <filesystem>
#include <initializer_list>
#include <string>

#include <sys/types.h>

namespace cedana {

enum class HookStage { pre_dump, post_dump, pre_restore, post_restore };

struct Hook {
    HookStage stage = HookStage::pre_dump;
    // Empty: nothing is run.
    std::string program = {};
    std::chrono::milliseconds limit = {};

    // "action_scripts.pre_dump (/etc/cedana/pre_dump.sh)"
    [[nodiscard]] std::string text() const;
};

// What the settings name for a stage.
[[nodiscard]] Hook hook_for(HookStage stage, const Config& config);

// Throws Error(Fault::usage) for the first that could not be run.
void require_hooks(const Config& config, std::initializer_list<HookStage> stages);

// What a hook finds in its environment.
struct HookSubject {
    // CEDANA_PID
    pid_t pid = 0;
    // CEDANA_CHECKPOINT; before a dump the folder that it goes to.
    std::filesystem::path checkpoint;
};

// Runs it to its end, in a session of its own; its output goes to stderr, so that stdout carries the result alone. A
// hook that is interrupted or goes over its limit is ended with all of its process group: SIGTERM, two seconds (none of
// them after a second signal), SIGKILL. Throws Error(Fault::usage) when it cannot be run or fails,
// Error(Fault::interrupted).
void run_hook(const Hook& hook, const HookSubject& subject, const Interrupt& interrupt);

enum class HookEnd { done, interrupted };
// As run_hook(), for whoever reads the signals after it: an interrupt ends the hook, and is left to be read.
[[nodiscard]] HookEnd run_hook_beside(const Hook& hook, const HookSubject& subject, const Interrupt& interrupt);

} // namespace cedana
