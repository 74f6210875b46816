// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/unit_return.hpp"

#include "cedana/base/child_process.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/file_id.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/users.hpp"
#include "cedana/host/systemd.hpp"
#include "cedana/process/identity.hpp"
#include "cedana/process/procfs.hpp"
#include "cedana/process/systemctl.hpp"

#include <chrono>
#include <csignal>
#include <optional>
#include <system_error>
#include <thread>

#include <spdlog/fmt/fmt.h>

#include <sys/stat.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

UnitState require_unit(const SystemdUnit& unit) {
    const auto state = look_at_unit(unit);
    if (!state)
        throw Error(Fault::usage, fmt::format("systemd knows no {}", printable(unit.name)));
    if (!state->sandbox.other_root.empty())
        throw Error(Fault::usage,
                    fmt::format("{} has a root of its own (RootDirectory=, RootImage=: {}), into which nothing is "
                                "brought back",
                                printable(unit.name), printable(state->sandbox.other_root)));
    return *state;
}

void require_placeholder() {
    std::error_code ignored;
    if (!fs::exists(placeholder_program(), ignored))
        throw Error(Fault::environment, fmt::format("{} is not there", placeholder_program().string()))
            .hint("install cedana (its package, or cmake --install): what systemd starts in the place of a unit's "
                  "program comes with it");
}

std::vector<std::string> words_of(const UnitRequest& request) {
    std::vector<std::string> words;
    if (!request.store.empty())
        words.insert(words.end(), {"--dir", request.store.string()});
    words.insert(words.end(), {"--checkpoint", request.checkpoint});
    if (request.comeback == Comeback::at_each_start)
        words.emplace_back("--always");
    return words;
}

// What systemd has started for the unit must be what holds its place.
ProcessHandle require_placeholder_runs(const Procfs& procfs, const UnitRequest& request, pid_t pid) {
    struct ::stat placeholder {};
    const auto program = pid > 0 ? procfs.file(pid, "exe") : std::nullopt;
    if (!program || ::stat(placeholder_program().c_str(), &placeholder) != 0 ||
        file_id(*program) != file_id(placeholder))
        throw Error(Fault::usage, fmt::format("the main process of {} is not the placeholder of cedana",
                                              printable(request.unit.name)))
            .hint(fmt::format("this is for systemd alone: cedana unit {0}, then systemctl start {0}",
                              shell_word(request.unit.name)));
    return ProcessHandle::open(procfs, pid);
}

// By a process of its own, which ends: what it has restored becomes a child of systemd then, as all that systemd takes
// for a main process should be.
pid_t restore_into(const UnitRequest& request, const UnitState& state, pid_t placeholder) {
    constexpr auto k_limit = std::chrono::hours(24);
    std::vector<std::string> argv = {"/proc/self/exe", "client", "restore", "--into", std::to_string(placeholder)};
    if (!state.pid_file.empty())
        argv.insert(argv.end(), {"--pid-file", state.pid_file});
    if (!request.store.empty())
        argv.insert(argv.end(), {"--dir", request.store.string()});
    argv.insert(argv.end(), {"--", request.checkpoint});
    const Captured done = run_captured({.argv = std::move(argv)}, k_limit);
    std::int64_t pid = 0;
    if (!done.status.success() || !parse_number(trim(done.out), pid))
        throw Error(Fault::restore_failed,
                    fmt::format("{} was not brought back: cedana {}", printable(request.unit.name), done.status.text()))
            .cause(std::string(trim(done.err)));
    return static_cast<pid_t>(pid);
}

void make_main_process(const SystemdUnit& unit, pid_t pid) {
    constexpr auto k_limit = std::chrono::seconds(30);
    constexpr auto k_pause = std::chrono::milliseconds(50);
    notify_systemd(fmt::format("MAINPID={}\n", pid));
    const auto until = std::chrono::steady_clock::now() + k_limit;
    // systemd reads it when it comes to that, and tells nobody.
    for (auto state = look_at_unit(unit); !state || state->main_pid != pid; state = look_at_unit(unit)) {
        if (std::chrono::steady_clock::now() > until)
            throw Error(Fault::environment, fmt::format("systemd does not take process {} for the main one of {}", pid,
                                                        printable(unit.name)));
        std::this_thread::sleep_for(k_pause);
    }
}

} // namespace

std::string unit_drop_in(const UnitRequest& request) {
    const UnitState state = require_unit(request.unit);
    require_placeholder();
    return drop_in_text({.unit = request.unit,
                         .sandbox = state.sandbox,
                         .placeholder = placeholder_program(),
                         .cedana = fs::read_symlink("/proc/self/exe"),
                         .arguments = words_of(request),
                         .comes_back = request.comeback == Comeback::once ? "the next start of it brings it back"
                                                                          : "each start of it brings it back"});
}

fs::path write_unit_drop_in(const UnitRequest& request) {
    require_root("change units of systemd");
    const std::string text = unit_drop_in(request);
    fs::path path = drop_in_path(request.unit);
    std::error_code error;
    fs::create_directories(path.parent_path(), error);
    if (error)
        throw os_error(error.value(), fmt::format("cannot make {}", path.parent_path().string()), Fault::storage);
    replace_file(path, text);
    ::chmod(path.c_str(), 0644);
    reload_units();
    return path;
}

bool remove_unit_drop_in(const SystemdUnit& unit) {
    require_root("change units of systemd");
    const fs::path path = drop_in_path(unit);
    std::error_code error;
    const bool was_there = fs::remove(path, error);
    if (error)
        throw os_error(error.value(), fmt::format("cannot remove {}", path.string()), Fault::storage);
    // Where nothing else lies in it.
    std::error_code ignored;
    if (was_there)
        fs::remove(path.parent_path(), ignored);
    reload_units();
    return was_there;
}

pid_t bring_unit_back(const UnitRequest& request) {
    require_root("restore processes");
    const Procfs procfs;
    const UnitState state = require_unit(request.unit);
    const ProcessHandle placeholder = require_placeholder_runs(procfs, request, state.main_pid);
    const pid_t pid = restore_into(request, state, placeholder.pid());
    make_main_process(request.unit, pid);
    send_signal(placeholder.pidfd(), SIGKILL);
    // Else it would come back as it was once more, and with its files, whenever systemd starts it anew.
    if (request.comeback == Comeback::once)
        remove_unit_drop_in(request.unit);
    return pid;
}

} // namespace cedana
