// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/container_steps.hpp"

#include "cedana/action/container_engines.hpp"
#include "cedana/action/container_rights.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/state_folder.hpp"
#include "cedana/base/text.hpp"
#include "cedana/containers/podman.hpp"
#include "cedana/containers/volumes.hpp"

#include <algorithm>
#include <iterator>
#include <system_error>
#include <utility>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

// What the engine decides, or does by itself.
void refuse_requests(const RestoreRequest& request, const ContainerRecord& record) {
    const auto refuse = [](const char* option, const char* why) {
        throw Error(Fault::usage, fmt::format("{} is not for a container, {}", option, why))
            .hint(fmt::format("leave {} out", option));
    };
    if (request.new_pid_namespace)
        refuse("--new-pidns", "which has a pid namespace of its own anyway");
    if (request.attendance == Attendance::foreground)
        refuse("--foreground", "whose parent is its engine");
    if (request.output && !is_bare(record))
        refuse("--stdio", "whose output is kept by its engine");
}

std::string kind_text(bool is_folder) { return is_folder ? "a folder" : "a file"; }

// A source that is missing is never made: the container would run with nothing in place of its data.
Errors check_sources(const ContainerRecord& record) {
    Errors refused;
    for (const ContainerMount& mount : record.mounts) {
        if (mount.kind != MountSource::host)
            continue;
        std::error_code error;
        const fs::file_status there = fs::status(mount.source, error);
        if (!fs::exists(there) || fs::is_directory(there) != mount.is_folder)
            refused.push_back(
                Error(Fault::restore_failed,
                      fmt::format("{}, {} of the host that is {} in the container, is not here",
                                  printable(mount.source), kind_text(mount.is_folder), printable(mount.destination)))
                    .hint("make it, with what the container expects there"));
    }
    return refused;
}

// A folder that may be had may be had with all that is in it.
bool is_allowed(const std::string& path, const std::vector<fs::path>& allowed) {
    const fs::path wanted = fs::path(path).lexically_normal();
    return std::ranges::any_of(allowed, [&](const fs::path& folder) {
        return lies_below(wanted.native(), folder.lexically_normal().native());
    });
}

// By what its engine believes, whatever the manifest says.
Errors check_access(const RestoreDraft& draft) {
    const containers::HostAccess access = host_access_of(draft);
    Errors refused;
    if (draft.checkpoint->signature().by == SignedBy::trusted)
        return refused;
    for (const std::string& path : access.paths)
        if (!is_allowed(path, draft.request.allowed_mounts))
            refused.push_back(Error(Fault::permission, fmt::format("the container would have {} of this host, and "
                                                                   "nobody who is trusted has signed the checkpoint",
                                                                   printable(path)))
                                  .hint(fmt::format("if it may: --allow-mount {}", shell_word(printable(path)))));
    if (refused.empty() && !access.privileges.empty())
        spdlog::warn("the container has {}, and nobody who is trusted has signed the checkpoint",
                     fmt::join(access.privileges, ", "));
    return refused;
}

Errors check_volumes(const RestoreDraft& draft) {
    const ContainerRecord& record = *draft.manifest().container;
    if (std::ranges::none_of(record.mounts,
                             [](const ContainerMount& mount) { return mount.kind == MountSource::volume; }))
        return {};
    return containers::check_volumes(
        containers::require_engine(containers::parse_engine(record.engine), draft.request.config), record,
        draft.request.existing_volumes);
}

// What the engine calls it: two restores to one name would each take what the other has made for what it made itself.
std::vector<LockedContainer> names_at_return(const RestoreDraft& draft) {
    const ContainerRecord& record = *draft.manifest().container;
    if (draft.request.create)
        return {};
    std::vector<LockedContainer> names = {{.engine = record.engine, .name = name_at_return(draft)}};
    if (!draft.request.container_name && record.id != record.name)
        names.push_back({.engine = record.engine, .name = record.id});
    return names;
}

Step lock_container(RestoreDraft& draft) {
    return touch(
        "locking the container",
        [&] {
            draft.lock.emplace(LockedFor::restore, state_folder() / "locks");
            draft.lock->add_containers(names_at_return(draft));
        },
        [&] { require_containers_unlocked(LockedFor::restore, names_at_return(draft)); });
}

Steps engine_steps(RestoreDraft& draft) {
    return {
        lock_container(draft),
        check("looking what is asked for", [&] { refuse_requests(draft.request, *draft.manifest().container); }),
        check("looking for the engine", [&] { static_cast<void>(engine_restore_of(draft)); }),
        check_each("looking for what is mounted in it",
                   [&] { return draft.request.create ? Errors() : check_sources(*draft.manifest().container); }),
        check_each("looking for its volumes", [&] { return draft.request.create ? Errors() : check_volumes(draft); }),
        check_each("looking what its processes may do", [&] { return check_container_rights(draft); }),
        check_each("looking what it may do on this host", [&] { return check_access(draft); }),
    };
}

} // namespace

containers::SmallFiles podman_description(const Checkpoint& checkpoint) {
    containers::SmallFiles description;
    for (const std::string& name : containers::podman_files())
        if (auto content = checkpoint.text(containers::k_podman_folder + name))
            description[name] = std::move(*content);
    return description;
}

Steps steps_before_container(RestoreDraft& draft) {
    Steps steps = steps_on_checkpoint(draft);
    append(steps, lazy_steps(draft));
    append(steps, fit_steps(draft));
    steps.push_back(memory_check(draft));
    append(steps, engine_steps(draft));
    return steps;
}

} // namespace cedana
