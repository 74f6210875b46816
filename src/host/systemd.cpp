// SPDX-License-Identifier: Apache-2.0
#include "cedana/host/systemd.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/process/systemctl.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace cedana {

namespace {

// "{ path=/bin/x ; argv[]=/bin/x -q a ; ignore_errors=no ; … }"
std::string command_of(const std::string& shown) {
    constexpr std::string_view k_start = "argv[]=";
    const std::size_t start = shown.find(k_start);
    if (start == std::string::npos)
        return {};
    const std::size_t begin = start + k_start.size();
    return shown.substr(begin, shown.find(" ; ", begin) - begin);
}

void add_units(std::vector<std::string>& units, const std::string& shown, std::string_view kind) {
    for (const std::string& name : split(shown, ' '))
        if (name.ends_with(kind) && std::ranges::count(units, name) == 0)
            units.push_back(name);
}

// "0", "30s", "1min 30s", "500ms", "infinity", as systemd writes times.
std::chrono::microseconds span_of(const std::string& shown) {
    using namespace std::chrono;
    microseconds sum{};
    for (const std::string& word : split(shown, ' ')) {
        const std::size_t unit = word.find_first_not_of("0123456789.");
        double number = 0;
        if (unit == std::string::npos || std::from_chars(word.data(), word.data() + unit, number).ec != std::errc())
            continue;
        const std::string name = word.substr(unit);
        const double seconds_each = name == "us"    ? 1e-6
                                    : name == "ms"  ? 1e-3
                                    : name == "s"   ? 1
                                    : name == "min" ? 60
                                    : name == "h"   ? 3600
                                    : name == "d"   ? 86400
                                                    : 0;
        sum += microseconds(static_cast<std::int64_t>(number * seconds_each * 1e6));
    }
    return sum;
}

} // namespace

UnitState parse_unit_state(const std::string& shown) {
    UnitState state;
    for (const std::string& line : split(shown, '\n')) {
        const std::size_t end = line.find('=');
        if (end == std::string::npos)
            continue;
        const std::string name = line.substr(0, end);
        const std::string value = line.substr(end + 1);
        std::int64_t number = 0;
        if (name == "ActiveState")
            state.active = value;
        else if (name == "MainPID" && parse_number(value, number))
            state.main_pid = static_cast<pid_t>(number);
        else if (name == "ExecStop" && state.stop_command.empty())
            state.stop_command = command_of(value);
        else if (name == "ExecStopPost" && state.stop_post_command.empty())
            state.stop_post_command = command_of(value);
        else if (name == "OnFailure")
            state.on_failure = value;
        else if (name == "Type") {
            state.is_oneshot = value == "oneshot";
            state.times_reloads = value == "notify-reload";
        } else if (name == "Wants" || name == "ConsistsOf")
            add_units(state.members, value, ".service");
        else if (name == "TriggeredBy")
            add_units(state.sockets, value, ".socket");
        else if (name == "WatchdogUSec")
            state.watchdog = span_of(value);
        else if (name == "RuntimeDirectory")
            state.runtime_folders = value;
        else if (name == "PrivateTmp")
            // "disconnected" since systemd 257
            state.has_private_tmp = value != "no";
        else if (name == "PIDFile")
            state.pid_file = value;
        else if (name == "NoExecPaths")
            state.sandbox.no_exec_paths = value;
        else if (name == "TemporaryFileSystem" || name == "InaccessiblePaths")
            state.sandbox.hidden_folders += value;
        else if (name == "RootDirectory" || name == "RootImage")
            state.sandbox.other_root += value;
    }
    return state;
}

std::optional<UnitState> look_at_unit(const SystemdUnit& unit) {
    if (!has_systemd())
        return std::nullopt;
    const Captured answer = ask_systemd(
        unit,
        {"show",
         "--property=LoadState,ActiveState,MainPID,Type,Wants,ConsistsOf,ExecStop,ExecStopPost,OnFailure,WatchdogUSec,"
         "RuntimeDirectory,PrivateTmp,PIDFile,NoExecPaths,"
         "TemporaryFileSystem,InaccessiblePaths,RootDirectory,RootImage,TriggeredBy",
         "--", unit.name},
        k_systemctl_limit);
    if (!answer.status.success())
        throw Error(Fault::environment, fmt::format("systemd does not say what {} is: systemctl {}",
                                                    printable(unit.name), answer.status.text()))
            .cause(std::string(trim(answer.err)));
    if (answer.out.find("LoadState=not-found") != std::string::npos)
        return std::nullopt;
    return parse_unit_state(answer.out);
}

std::vector<std::string> listening_sockets(const SystemdUnit& unit, const UnitState& state) {
    std::vector<std::string> listening;
    for (const std::string& name : state.sockets)
        if (const auto socket = look_at_unit({.name = name, .user = unit.user}); socket && socket->active == "active")
            listening.push_back(name);
    return listening;
}

void begin_to_stop(const SystemdUnit& unit) {
    const Captured answer = ask_systemd(unit, {"stop", "--no-block", "--", unit.name}, k_systemctl_limit);
    if (!answer.status.success())
        throw Error(Fault::environment,
                    fmt::format("systemd does not stop {}: systemctl {}", printable(unit.name), answer.status.text()))
            .cause(std::string(trim(answer.err)));
}

bool has_stopped(const SystemdUnit& unit, std::chrono::seconds limit) {
    try {
        // It joins what is under way.
        if (!ask_systemd(unit, {"stop", "--", unit.name}, limit).status.success())
            return false;
        static_cast<void>(ask_systemd(unit, {"reset-failed", "--", unit.name}, k_systemctl_limit));
        return true;
    } catch (const Error&) {
        return false;
    }
}

namespace {

constexpr const char* k_cannot_tell = "cannot tell systemd of the unit's main process";

// `sender`: for whom it is said, which needs CAP_SYS_ADMIN (unix(7)); absent: this process.
void send_notice(const std::string& place, const std::string& words, std::optional<pid_t> sender) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (place.empty() || place.size() >= sizeof address.sun_path)
        throw Error(Fault::environment, k_cannot_tell).hint("this is started by systemd alone (NotifyAccess=exec)");
    std::memcpy(address.sun_path, place.data(), place.size());
    // An abstract one (unix(7)).
    if (address.sun_path[0] == '@')
        address.sun_path[0] = '\0';
    iovec part{.iov_base = const_cast<char*>(words.data()), .iov_len = words.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(ucred))> control{};
    msghdr message{};
    message.msg_name = &address;
    message.msg_namelen = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + place.size());
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (sender) {
        const ucred credentials{.pid = *sender, .uid = ::getuid(), .gid = ::getgid()};
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        cmsghdr* const head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_CREDENTIALS;
        head->cmsg_len = CMSG_LEN(sizeof credentials);
        std::memcpy(CMSG_DATA(head), &credentials, sizeof credentials);
    }
    const UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket || ::sendmsg(socket.get(), &message, MSG_NOSIGNAL) < 0)
        throw OsFailure(Fault::environment).error(k_cannot_tell);
}

} // namespace

void notify_systemd(const std::string& words) {
    const char* const place = std::getenv("NOTIFY_SOCKET");
    send_notice(place == nullptr ? "" : place, words, std::nullopt);
}

void notify_systemd_of_user(const std::string& user, pid_t process, const std::string& words) {
    send_notice(user_runtime_folder(user) / "systemd/notify", words, process);
}

} // namespace cedana
