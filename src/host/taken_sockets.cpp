// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/text.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/host/taken_names.hpp"
#include "cedana/process/socket_holders.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "living_holder.hpp"

namespace cedana {

namespace {

// "@name", as unix_diag's are shown.
std::string abstract_text(const criu::DumpedUnix& socket) { return "@" + socket.name.substr(1); }

int try_abstract(const criu::DumpedUnix& socket) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::size_t size = std::min(socket.name.size(), sizeof address.sun_path);
    std::copy_n(socket.name.begin(), size, address.sun_path);
    const UniqueFd fd(::socket(AF_UNIX, socket.type | SOCK_CLOEXEC, 0));
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size);
    return fd && ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), length) == 0 ? 0 : errno;
}

std::optional<Error> taken_abstract(const Procfs& procfs, const criu::DumpedUnix& socket,
                                    const std::set<pid_t>& leaving) {
    const int error = try_abstract(socket);
    if (error == 0)
        return std::nullopt;
    const std::string name = abstract_text(socket);
    if (error != EADDRINUSE) {
        spdlog::warn("whether the abstract name {} is free could not be seen: {}", printable(name), errno_text(error));
        return std::nullopt;
    }
    auto holders = holders_of_abstract(procfs, socket.type, name);
    if (holders.empty())
        holders.push_back({});
    const auto holder = living_holder(holders, leaving);
    if (!holder)
        return std::nullopt;
    return Error(Fault::restore_failed, fmt::format("the abstract name {} of a unix socket is taken by {}",
                                                    printable(name), holder->described(procfs)))
        .hint(hint_to_end(*holder));
}

Error missing_folder(const std::string& path, const std::string& folder, const RestoreNeeds& needs, int error) {
    const std::string make = fmt::format("mkdir -p {}", shell_word(folder));
    if (error == ENOENT && needs.folders_of_unit.contains(folder))
        return Error(Fault::environment,
                     fmt::format("the unix socket {} cannot come back: it was in a folder that {} had for itself "
                                 "(PrivateTmp=), and that is not here",
                                 printable(path), printable(needs.unit)))
            .hint(fmt::format("bring it back into its unit: cedana unit {0}, then systemctl start {0}; or, outside of "
                              "it, make the folder: {1}",
                              shell_word(needs.unit), make));
    return Error(Fault::environment,
                 fmt::format("the unix socket {} cannot come back: {}: {}", printable(path), printable(folder),
                             error == ENOENT ? "the folder is missing" : errno_text(error)))
        .hint("make the folder: " + make);
}

std::optional<Error> taken_path(const Procfs& procfs, const criu::DumpedUnix& socket, const RestoreNeeds& needs,
                                const std::set<pid_t>& leaving) {
    const std::string path = socket.path();
    const std::string folder = std::filesystem::path(path).parent_path().string();
    struct ::stat info {};
    if (!folder.empty() && ::stat((needs.mounts_of_unit + folder).c_str(), &info) != 0)
        return needs.made_folders.contains(folder) ? std::nullopt
                                                   : std::optional(missing_folder(path, folder, needs, errno));
    if (::stat((needs.mounts_of_unit + path).c_str(), &info) != 0)
        return std::nullopt;
    if (!S_ISSOCK(info.st_mode))
        return Error(Fault::restore_failed,
                     fmt::format("the unix socket {} cannot come back: something that is no socket has its name",
                                 printable(path)))
            .hint("move it away");
    const auto holder = living_holder(holders_of_path(procfs, path), leaving);
    if (!holder)
        return std::nullopt;
    return Error(Fault::restore_failed,
                 fmt::format("the path {} of a unix socket is taken by {}", printable(path), holder->described(procfs)))
        .hint(hint_to_end(*holder));
}

} // namespace

std::vector<Error> taken_sockets(const Procfs& procfs, const RestoreNeeds& needs, const std::set<pid_t>& leaving) {
    std::vector<Error> refused;
    std::set<std::pair<int, std::string>> asked;
    for (const criu::DumpedUnix& socket : needs.unix_ones) {
        const bool is_elsewhere = socket.is_abstract() ? needs.own_network : needs.own_mounts;
        // Of a name that was removed CRIU leaves nothing (bind_on_deleted).
        if (!socket.is_bound_anew() || socket.is_deleted || is_elsewhere)
            continue;
        if (!asked.emplace(socket.type, socket.is_abstract() ? socket.name : socket.path()).second)
            continue;
        auto error =
            socket.is_abstract() ? taken_abstract(procfs, socket, leaving) : taken_path(procfs, socket, needs, leaving);
        if (error)
            refused.push_back(std::move(*error));
    }
    return refused;
}

} // namespace cedana
