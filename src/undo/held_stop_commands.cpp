// SPDX-License-Identifier: Apache-2.0
#include "cedana/undo/held_stop_commands.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/process/systemctl.hpp"

#include <exception>
#include <system_error>
#include <utility>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <sys/stat.h>
#include <unistd.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

constexpr const char* k_stop_note = "unit.stop";

// The last of all, whatever others there are: they are read by their names. Gone with the next boot.
fs::path held_stop_path(const SystemdUnit& unit) {
    return fs::path("/run/systemd/system") / (unit.name + ".d") / "zz-cedana-stop.conf";
}

} // namespace

std::string held_stop_text(const SystemdUnit& unit) {
    return fmt::format("# cedana is making a checkpoint with which {} ends; this goes once it has ended.\n"
                       "[Service]\n"
                       "ExecStop=\n"
                       "ExecStopPost=\n"
                       // CRIU ends it so, and that is no failure (OnFailure=).
                       "SuccessExitStatus=SIGKILL\n",
                       unit.name);
}

HeldStopCommands::HeldStopCommands(const SystemdUnit& unit, const fs::path& work) {
    const fs::path path = held_stop_path(unit);
    replace_file(work / k_stop_note, path.string());
    work_ = work;
    try {
        std::error_code error;
        fs::create_directories(path.parent_path(), error);
        if (error)
            throw os_error(error.value(), fmt::format("cannot make {}", path.parent_path().string()), Fault::storage);
        replace_file(path, held_stop_text(unit));
        ::chmod(path.c_str(), 0644);
        reload_units({});
    } catch (...) {
        static_cast<void>(release());
        throw;
    }
}

HeldStopCommands::~HeldStopCommands() { static_cast<void>(release()); }

bool HeldStopCommands::release() noexcept {
    const fs::path work = std::exchange(work_, {});
    if (work.empty())
        return true;
    try {
        release_stop_commands(work);
        return true;
    } catch (const std::exception& error) {
        spdlog::warn("what systemd runs as it stops the unit is still held back: {}; `cedana check --clean` mends that",
                     error.what());
        return false;
    }
}

std::optional<fs::path> release_stop_commands(const fs::path& work) {
    std::error_code ignored;
    const fs::path note = work / k_stop_note;
    if (!fs::exists(note, ignored))
        return std::nullopt;
    fs::path path = read_file(note);
    if (::unlink(path.c_str()) == 0) {
        // Where nothing else lies in it.
        ::rmdir(path.parent_path().c_str());
    }
    reload_units({});
    ::unlink(note.c_str());
    return path;
}

} // namespace cedana
