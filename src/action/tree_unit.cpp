// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/tree_unit.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/time_text.hpp"

#include <utility>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

namespace cedana {

namespace {

double seconds_of(std::chrono::microseconds span) { return std::chrono::duration<double>(span).count(); }

std::string stop_command_sentence(const TreeUnit& unit) {
    const bool is_first = !unit.state.stop_command.empty();
    return fmt::format("{} what {} has for its end ({}): {}",
                       unit.holds_back_stop() ? "systemd does not run" : "systemd runs", printable(unit.unit.name),
                       is_first ? "ExecStop=" : "ExecStopPost=",
                       printable(is_first ? unit.state.stop_command : unit.state.stop_post_command));
}

bool has_stop_commands(const UnitState& state) {
    return !state.stop_command.empty() || !state.stop_post_command.empty();
}

} // namespace

// The files of a user's units are that user's.
bool TreeUnit::holds_back_stop() const {
    return is_main && unit.user.empty() && (has_stop_commands(state) || !state.on_failure.empty());
}

std::vector<UnitFolder> TreeUnit::own_folders() const {
    std::vector<UnitFolder> folders;
    if (!is_main)
        return folders;
    const std::string above = unit.user.empty() ? "/run/" : "/run/user/" + unit.user + "/";
    for (const std::string& name : split(state.runtime_folders, ' '))
        if (!name.empty())
            folders.push_back({.path = above + name});
    if (state.has_private_tmp)
        for (const char* path : {"/tmp", "/var/tmp"})
            folders.push_back({.path = path, .is_private = true});
    if (!state.pid_file.empty())
        folders.push_back({.path = state.pid_file});
    return folders;
}

std::optional<TreeUnit> tree_unit(const SystemdUnit& unit, pid_t root) {
    if (!unit.is_service())
        return std::nullopt;
    auto state = look_at_unit(unit);
    if (!state)
        return std::nullopt;
    const bool is_main = state->main_pid == root;
    return TreeUnit{.unit = unit, .state = std::move(*state), .is_main = is_main};
}

std::chrono::microseconds expected_pause(std::uint64_t image_bytes) {
    // A slow host: bench/README.md has what others need.
    constexpr auto k_at_least = std::chrono::milliseconds(200);
    constexpr std::uint64_t k_bytes_each_microsecond = 256;
    return k_at_least + std::chrono::microseconds(image_bytes / k_bytes_each_microsecond);
}

void require_watchdog(const TreeUnit& unit, std::chrono::microseconds pause) {
    const std::chrono::microseconds limit = unit.state.watchdog / 2;
    if (unit.state.watchdog.count() == 0 || pause <= limit)
        return;
    throw Error(
        Fault::dump_failed,
        fmt::format("{} is watched by systemd, which ends it when it says nothing for {} (WatchdogSec=), and it "
                    "would stand still for about {}",
                    printable(unit.unit.name), human_seconds(seconds_of(unit.state.watchdog)),
                    human_seconds(seconds_of(pause))))
        .hint(drop_in_hint(
            unit.unit, fmt::format("WatchdogSec={}", 2 + 4 * std::chrono::ceil<std::chrono::seconds>(pause).count()),
            "systemd sees later that the program hangs"));
}

void require_root_of_host(const TreeUnit& unit) {
    if (unit.state.sandbox.other_root.empty())
        return;
    throw Error(Fault::dump_failed,
                fmt::format("{} has a root of its own ({}), into which it could not be brought back",
                            printable(unit.unit.name), printable(unit.state.sandbox.other_root)))
        .hint(drop_in_hint(unit.unit, "RootDirectory= (or RootImage=, where that is set)",
                           "it sees the files of the host, as far as its user may"));
}

std::vector<std::string> stop_sentences(const TreeUnit& unit) {
    if (!unit.is_main)
        return {};
    std::vector<std::string> sentences = {
        fmt::format("systemd stops {}, whose main process it is, as it ends", printable(unit.unit.name))};
    if (has_stop_commands(unit.state))
        sentences.push_back(stop_command_sentence(unit));
    return sentences;
}

void begin_to_stop(const std::optional<TreeUnit>& unit) {
    if (!unit || !unit->is_main)
        return;
    begin_to_stop(unit->unit);
}

void await_stop(const std::optional<TreeUnit>& unit) {
    constexpr auto k_limit = std::chrono::seconds(90);
    if (!unit || !unit->is_main)
        return;
    for (const std::string& socket : listening_sockets(unit->unit, unit->state))
        spdlog::warn("{} still listens for {}, and starts it anew when somebody connects: {} stop {}",
                     printable(socket), printable(unit->unit.name), unit->unit.systemctl(), shell_word(socket));
    if (has_stop_commands(unit->state) && !unit->holds_back_stop())
        spdlog::warn("{}", stop_command_sentence(*unit));
    if (!has_stopped(unit->unit, k_limit))
        spdlog::warn("systemd has not stopped {} yet: restore it only when {} is-active {} says inactive or failed",
                     printable(unit->unit.name), unit->unit.systemctl(), shell_word(unit->unit.name));
}

} // namespace cedana
