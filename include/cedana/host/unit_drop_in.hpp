// SPDX-License-Identifier: Apache-2.0
// The drop-in by which a unit of systemd comes back from a checkpoint when it is started. systemd makes the sandbox of
// a unit for each program that it starts of it, and keeps it for as long as that runs: so it starts a placeholder
// there, beside which a restore that is outside of all of the sandbox (ExecStartPost=+) has CRIU work among the mounts
// of that. What else shuts the program in is in the images. Then the restored program is made the main process of the
// unit (sd_notify(3), MAINPID=), and the placeholder ends. With a start of its own making (Type=forking) CRIU would
// have to run in the sandbox itself, which the filter of system calls of most units forbids.
#pragma once

#include "cedana/process/systemd_unit.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace cedana {

// What the unit has of its own, on which the drop-in depends (systemctl show).
struct UnitSandbox {
    // NoExecPaths=, TemporaryFileSystem=, RootDirectory= or RootImage=: empty where they are not set.
    std::string no_exec_paths = {};
    std::string hidden_folders = {};
    std::string other_root = {};
};

struct DropInWords {
    SystemdUnit unit = {};
    UnitSandbox sandbox = {};
    // Programs: of the placeholder, and of cedana.
    std::filesystem::path placeholder = {};
    std::filesystem::path cedana = {};
    // What the restore is given beside the unit: where the checkpoint is. Of no use to a unit of a user, which systemd
    // cannot bring back itself, since it has no more rights than they.
    std::vector<std::string> arguments = {};
    // What the drop-in is for, for whoever reads it: "the next start of it brings it back"
    std::string comes_back = {};
};

// Pure.
[[nodiscard]] std::string drop_in_text(const DropInWords& words);

// Where the drop-in of a unit lies: of a user's among what is forgotten with their systemd.
[[nodiscard]] std::filesystem::path drop_in_path(const SystemdUnit& unit);

// $XDG_RUNTIME_DIR of a user, by their number (pam_systemd(8)).
[[nodiscard]] std::filesystem::path user_runtime_folder(const std::string& user);

// Where the placeholder is: installed beside this program, below one prefix (/usr, /usr/local). Throws
// std::filesystem::filesystem_error where /proc is not there.
[[nodiscard]] std::filesystem::path placeholder_program();

} // namespace cedana
