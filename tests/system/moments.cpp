// SPDX-License-Identifier: Apache-2.0
#include "system/moments.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/state_folder.hpp"
#include "cedana/criu/command.hpp"

#include <system_error>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sys/stat.h>

#include "support/kept_folder.hpp"
#include "support/wait.hpp"
#include "system/step_log.hpp"

namespace cedana::testing {

namespace fs = std::filesystem;

namespace {

// Of a dump; empty if there is none.
fs::path work_folder(pid_t cedana) {
    const std::string prefix = "dump." + std::to_string(cedana) + ".";
    for (const auto& entry : fs::directory_iterator(state_folder()))
        if (entry.path().filename().string().starts_with(prefix))
            return entry.path();
    return {};
}

} // namespace

void wait_for_dump_log(pid_t cedana, const std::string& text) {
    fs::path work;
    wait_in_folder(
        state_folder(), [&] { return !(work = work_folder(cedana)).empty(); }, "the work folder of a dump");
    wait_for_text(work / criu::k_dump_log, text);
}

HeldCriu::HeldCriu(const fs::path& folder, const std::string& action)
    : script_(folder / "hold"), held_(folder / "held"), gate_(folder / "gate") {
    if (::mkfifo(gate_.c_str(), 0600) != 0)
        throw OsFailure().error("cannot make a fifo");
    // CRIU is the parent of its scripts.
    write_script(script_, fmt::format("#!/bin/sh\n[ \"$CRTOOLS_SCRIPT_ACTION\" = {} ] || exit 0\n"
                                      "echo $PPID >{}.new && mv {}.new {} && read -r go <{}\n",
                                      action, held_.string(), held_.string(), held_.string(), gate_.string()));
}

std::string HeldCriu::argument() const { return "--criu-arg=--action-script=" + script_.string(); }

pid_t HeldCriu::wait() const {
    wait_for_file(held_);
    return std::stoi(read_file(held_));
}

void HeldCriu::let_go() const { write_all(open_file(gate_, O_WRONLY).get(), "go\n", gate_); }

} // namespace cedana::testing
