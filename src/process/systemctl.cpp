// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/systemctl.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/system_path.hpp"
#include "cedana/base/text.hpp"

#include <cstdint>
#include <filesystem>
#include <system_error>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <sys/stat.h>

namespace cedana {

namespace {

// It runs generators, and reads all units.
constexpr auto k_reload_limit = std::chrono::seconds(90);

// The manager of a user is asked by that user, in its own folder: by --machine= it would be asked over a bus, which
// need not be there.
void ask_as_user(SpawnRequest& request, const std::string& user) {
    const std::string folder = "/run/user/" + user;
    std::int64_t uid = 0;
    struct ::stat info {};
    if (!parse_number(user, uid) || ::stat(folder.c_str(), &info) != 0 || info.st_uid != static_cast<uid_t>(uid))
        throw Error(Fault::environment, fmt::format("the systemd of user {} does not run", printable(user)));
    request.argv.emplace_back("--user");
    request.env->push_back("XDG_RUNTIME_DIR=" + folder);
    request.user.emplace(info.st_uid, info.st_gid);
}

} // namespace

bool has_systemd() {
    std::error_code ignored;
    // In the pid namespace of a job or a container its folder may be there, and it speaks of other pids, if at all
    // (systemctl: "Failed to connect to bus: No data available").
    return std::filesystem::is_directory("/run/systemd/system", ignored) &&
           trim(read_file("/proc/1/comm")) == "systemd";
}

Captured ask_systemd(const SystemdUnit& unit, const std::vector<std::string>& words, std::chrono::milliseconds limit) {
    SpawnRequest request{.argv = {"systemctl"},
                         .env = std::vector<std::string>{std::string("PATH=") + k_system_path, "HOME=/root", "LANG=C"}};
    if (!unit.user.empty())
        ask_as_user(request, unit.user);
    request.argv.insert(request.argv.end(), words.begin(), words.end());
    return run_captured(std::move(request), limit);
}

void reload_units(const SystemdUnit& of) {
    const Captured answer = ask_systemd(of, {"daemon-reload"}, k_reload_limit);
    if (!answer.status.success())
        throw Error(Fault::environment,
                    fmt::format("systemd does not read its units again: systemctl {}", answer.status.text()))
            .cause(std::string(trim(answer.err)));
}

} // namespace cedana
