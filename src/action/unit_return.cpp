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
#include <exception>
#include <optional>
#include <string_view>
#include <system_error>
#include <thread>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

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
    // CRIU makes its sockets anew (criu/sk-inet.c), and systemd has them open.
    if (const auto sockets = listening_sockets(unit, *state); !sockets.empty()) {
        const std::string named = fmt::format("{}", fmt::join(sockets, " "));
        throw Error(Fault::usage, fmt::format("{} is at the sockets of {}, which come back with it", printable(named),
                                              printable(unit.name)))
            .hint(fmt::format("first run {0} stop {1}; what that costs: until it is back nobody listens there, and "
                              "afterwards it listens itself. To have it started by {1} again: {0} stop {2}, then {0} "
                              "start {1}",
                              unit.systemctl(), printable(named), shell_word(unit.name)));
    }
    return *state;
}

void require_placeholder() {
    std::error_code ignored;
    if (!fs::exists(placeholder_program(), ignored))
        throw Error(Fault::environment, fmt::format("{} is not there", placeholder_program().string()))
            .hint("install cedana (its package, or cmake --install): what systemd starts in the place of a unit's "
                  "program comes with it");
}

std::vector<std::string> words_of(const UnitRequest& request, const UnitState& state) {
    std::vector<std::string> words;
    if (!request.store.empty())
        words.insert(words.end(), {"--dir", request.store.string()});
    words.insert(words.end(), {"--checkpoint", request.checkpoint});
    if (request.comeback == Comeback::at_each_start)
        words.emplace_back("--always");
    // The drop-in hides it from who reads it by then.
    if (request.host_clocks || state.times_reloads)
        words.emplace_back("--host-clocks");
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

// Of root itself: a unit of another user has their home, where they can change the settings.
std::vector<std::string> environment_of_root() {
    std::vector<std::string> environment;
    for (char** one = environ; *one != nullptr; ++one)
        if (std::string_view(*one).substr(0, 5) != "HOME=")
            environment.emplace_back(*one);
    const auto root = caller_named("root");
    environment.push_back("HOME=" + (root ? root->home : std::string("/root")));
    return environment;
}

std::vector<std::string> restore_command(const UnitRequest& request, const UnitState& state, pid_t placeholder) {
    std::vector<std::string> argv = {"/proc/self/exe", "client", "restore", "--into", std::to_string(placeholder)};
    if (request.host_clocks || state.times_reloads)
        argv.insert(argv.end(), {"--clocks", "auto"});
    if (!state.pid_file.empty())
        argv.insert(argv.end(), {"--pid-file", state.pid_file});
    if (!request.store.empty())
        argv.insert(argv.end(), {"--dir", request.store.string()});
    argv.insert(argv.end(), {"--", request.checkpoint});
    return argv;
}

// By a process of its own, which ends: what it has restored becomes a child of systemd then, as all that systemd takes
// for a main process should be.
pid_t restore_into(const UnitRequest& request, const UnitState& state, pid_t placeholder) {
    constexpr auto k_limit = std::chrono::hours(24);
    SpawnRequest restore{.argv = restore_command(request, state, placeholder)};
    if (!request.owner)
        restore.env = environment_of_root();
    const Captured done = run_captured(std::move(restore), k_limit);
    std::int64_t pid = 0;
    if (!done.status.success() || !parse_number(trim(done.out), pid))
        throw Error(Fault::restore_failed,
                    fmt::format("{} was not brought back: cedana {}", printable(request.unit.name), done.status.text()))
            .cause(std::string(trim(done.err)));
    return static_cast<pid_t>(pid);
}

void make_main_process(const SystemdUnit& unit, pid_t pid, pid_t placeholder) {
    constexpr auto k_limit = std::chrono::seconds(30);
    constexpr auto k_pause = std::chrono::milliseconds(50);
    const std::string notice = fmt::format("MAINPID={}\n", pid);
    if (unit.user.empty())
        notify_systemd(notice);
    else
        notify_systemd_of_user(unit.user, placeholder, notice);
    const auto until = std::chrono::steady_clock::now() + k_limit;
    // systemd reads it when it comes to that, and tells nobody.
    for (auto state = look_at_unit(unit); !state || state->main_pid != pid; state = look_at_unit(unit)) {
        if (std::chrono::steady_clock::now() > until)
            throw Error(Fault::environment, fmt::format("systemd does not take process {} for the main one of {}", pid,
                                                        printable(unit.name)));
        std::this_thread::sleep_for(k_pause);
    }
}

// The folder of its control group (cgroups(7)); of version 2 alone, in which systemd of a user runs units.
fs::path control_group_of(const Procfs& procfs, pid_t pid) {
    constexpr std::string_view k_version_2 = "0::";
    for (const std::string& line : split(procfs.read(pid, "cgroup").value_or(""), '\n'))
        if (line.starts_with(k_version_2) && line != "0::/")
            return fs::path("/sys/fs/cgroup" + line.substr(k_version_2.size()));
    throw Error(Fault::environment, fmt::format("process {} is in no control group of version 2", pid));
}

void enter_control_group(const fs::path& group) {
    const fs::path members = group / "cgroup.procs";
    write_all(open_file(members, O_WRONLY).get(), std::to_string(::getpid()), members);
}

// What is started meanwhile is born in the control group of another process, as all of a unit must be.
class GroupVisit {
  public:
    GroupVisit(const Procfs& procfs, pid_t other) : home_(control_group_of(procfs, ::getpid())) {
        enter_control_group(control_group_of(procfs, other));
    }
    GroupVisit(const GroupVisit&) = delete;
    GroupVisit& operator=(const GroupVisit&) = delete;
    ~GroupVisit() {
        try {
            enter_control_group(home_);
        } catch (const std::exception& error) {
            spdlog::debug("cedana does not get back into its control group: {}", error.what());
        }
    }

  private:
    fs::path home_;
};

void ask_of_user(const SystemdUnit& unit, const char* what) {
    constexpr auto k_limit = std::chrono::seconds(90);
    const Captured answer = ask_systemd(unit, {what, "--", unit.name}, k_limit);
    if (!answer.status.success())
        throw Error(Fault::environment,
                    fmt::format("{}: systemctl --user {} {}", printable(unit.name), what, answer.status.text()))
            .cause(std::string(trim(answer.err)));
}

// The drop-in of a user's unit, with the rights of that user, for as long as this lives.
class UserDropIn {
  public:
    UserDropIn(const UnitRequest& request, const std::string& text) : request_(request) {
        const fs::path path = drop_in_path(request.unit);
        static_cast<void>(with_rights_of(*request.owner, [&] {
            fs::create_directories(path.parent_path());
            replace_file(path, text);
            return std::string();
        }));
        reload_units(request.unit);
    }
    UserDropIn(const UserDropIn&) = delete;
    UserDropIn& operator=(const UserDropIn&) = delete;
    ~UserDropIn() {
        try {
            static_cast<void>(with_rights_of(*request_.owner, [&] {
                std::error_code ignored;
                fs::remove(drop_in_path(request_.unit), ignored);
                fs::remove(drop_in_path(request_.unit).parent_path(), ignored);
                return std::string();
            }));
            reload_units(request_.unit);
        } catch (const std::exception& error) {
            spdlog::warn("{} was not taken away: {}", drop_in_path(request_.unit).string(), error.what());
        }
    }

  private:
    const UnitRequest& request_;
};

} // namespace

std::string unit_drop_in(const UnitRequest& request) {
    const UnitState state = require_unit(request.unit);
    require_placeholder();
    return drop_in_text({.unit = request.unit,
                         .sandbox = state.sandbox,
                         .placeholder = placeholder_program(),
                         .cedana = fs::read_symlink("/proc/self/exe"),
                         .arguments = words_of(request, state),
                         .comes_back = request.comeback == Comeback::once ? "the next start of it brings it back"
                                                                          : "each start of it brings it back"});
}

fs::path write_unit_drop_in(const UnitRequest& request) {
    require_root("change units of systemd");
    // An older one hides what the unit is.
    fs::path path = drop_in_path(request.unit);
    std::error_code error;
    if (fs::exists(path, error))
        remove_unit_drop_in(request.unit);
    const std::string text = unit_drop_in(request);
    fs::create_directories(path.parent_path(), error);
    if (error)
        throw os_error(error.value(), fmt::format("cannot make {}", path.parent_path().string()), Fault::storage);
    replace_file(path, text);
    ::chmod(path.c_str(), 0644);
    reload_units(request.unit);
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
    reload_units(unit);
    return was_there;
}

pid_t bring_unit_back(const UnitRequest& request) {
    require_root("restore processes");
    const Procfs procfs;
    const UnitState state = require_unit(request.unit);
    const ProcessHandle placeholder = require_placeholder_runs(procfs, request, state.main_pid);
    const pid_t pid = restore_into(request, state, placeholder.pid());
    make_main_process(request.unit, pid, placeholder.pid());
    send_signal(placeholder.pidfd(), SIGKILL);
    // Else it would come back as it was once more, and with its files, whenever systemd starts it anew.
    if (request.comeback == Comeback::once)
        remove_unit_drop_in(request.unit);
    return pid;
}

pid_t bring_user_unit_back(const UnitRequest& request) {
    require_root("restore processes");
    const Procfs procfs;
    const UnitState before = require_unit(request.unit);
    if (before.main_pid != 0 || before.active == "active")
        throw Error(Fault::usage, fmt::format("{} runs", printable(request.unit.name)))
            .hint(fmt::format("end it first, as its user: systemctl --user stop {}", shell_word(request.unit.name)));
    const UserDropIn drop_in(request, unit_drop_in(request));
    try {
        ask_of_user(request.unit, "start");
        const auto state = look_at_unit(request.unit);
        const ProcessHandle placeholder = require_placeholder_runs(procfs, request, state ? state->main_pid : 0);
        const pid_t pid = [&] {
            const GroupVisit visit(procfs, placeholder.pid());
            return restore_into(request, before, placeholder.pid());
        }();
        make_main_process(request.unit, pid, placeholder.pid());
        send_signal(placeholder.pidfd(), SIGKILL);
        return pid;
    } catch (...) {
        static_cast<void>(has_stopped(request.unit, k_systemctl_limit));
        throw;
    }
}

} // namespace cedana
