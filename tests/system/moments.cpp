// SPDX-License-Identifier: Apache-2.0
#include "system/moments.hpp"

#include "cedana/action/host.hpp"
#include "cedana/criu/command.hpp"

#include <filesystem>
#include <system_error>

#include "system/step_log.hpp"

namespace cedana::testing {

namespace fs = std::filesystem;

namespace {

// cedana's working folder of this kind; empty if there is none.
fs::path work_folder(pid_t cedana, const std::string& kind) {
    const std::string prefix = kind + "." + std::to_string(cedana) + ".";
    for (const auto& entry : fs::directory_iterator(state_folder()))
        if (entry.path().filename().string().starts_with(prefix))
            return entry.path();
    return {};
}

void wait_for_log(pid_t cedana, const std::string& kind, const std::string& log, const std::string& text) {
    fs::path work;
    wait_in_folder(
        state_folder(), [&] { return !(work = work_folder(cedana, kind)).empty(); }, "the working folder of a " + kind);
    wait_for_text(work / log, text);
}

} // namespace

void wait_for_dump_log(pid_t cedana, const std::string& text) { wait_for_log(cedana, "dump", criu::k_dump_log, text); }

void wait_for_restore_log(pid_t cedana, const std::string& text) {
    wait_for_log(cedana, "restore", criu::k_restore_log, text);
}

} // namespace cedana::testing
