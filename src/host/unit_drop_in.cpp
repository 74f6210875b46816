// SPDX-License-Identifier: Apache-2.0
#include "cedana/host/unit_drop_in.hpp"

#include <system_error>

#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

// A word of a command line in a unit (systemd.service(5), systemd.unit(5)): nothing in it is expanded.
std::string unit_word(const std::string& text) {
    std::string word = "\"";
    for (const char one : text) {
        if (one == '"' || one == '\\')
            word += '\\';
        else if (one == '%' || one == '$')
            word += one;
        word += one;
    }
    return word + '"';
}

} // namespace

std::string drop_in_text(const DropInWords& words) {
    std::string text = fmt::format("# Made by `cedana unit`: {2} from a checkpoint.\n"
                                   "# `cedana unit --remove {0}` takes this away, and it starts anew.\n"
                                   "[Service]\n"
                                   "Type=exec\n"
                                   "NotifyAccess={3}\n"
                                   "Restart=no\n"
                                   "TimeoutStartSec=infinity\n"
                                   "ExecStartPre=\n"
                                   "ExecStart=\n"
                                   "ExecStart={1}\n"
                                   "ExecStartPost=\n",
                                   words.unit.name, words.placeholder.string(), words.comes_back,
                                   words.unit.user.empty() ? "exec" : "main");
    // That of a user cannot start what outlives its sandbox: who wrote this brings the unit back.
    if (words.unit.user.empty()) {
        std::string command = fmt::format("ExecStartPost=+{} unit --bring-back", words.cedana.string());
        for (const std::string& word : words.arguments)
            command += fmt::format(" {}", unit_word(word));
        text += fmt::format("{} {}\n", command, unit_word(words.unit.name));
    }
    if (!words.sandbox.no_exec_paths.empty())
        text += fmt::format("ExecPaths={}\n", words.placeholder.string());
    if (!words.sandbox.hidden_folders.empty())
        text += fmt::format("BindReadOnlyPaths={}\n", words.placeholder.string());
    return text;
}

// The last of all, whatever others there are: they are read by their names.
fs::path drop_in_path(const SystemdUnit& unit) {
    const fs::path units =
        unit.user.empty() ? fs::path("/etc/systemd/system") : user_runtime_folder(unit.user) / "systemd/user";
    return units / (unit.name + ".d") / "zz-cedana-restore.conf";
}

fs::path user_runtime_folder(const std::string& user) { return fs::path("/run/user") / user; }

fs::path placeholder_program() {
    const fs::path cedana = fs::read_symlink("/proc/self/exe");
    std::error_code ignored;
    // In the folder of a build.
    if (fs::path built = cedana.parent_path() / "cedana_placeholder"; fs::exists(built, ignored))
        return built;
    return cedana.parent_path().parent_path() / "libexec/cedana/placeholder";
}

} // namespace cedana
