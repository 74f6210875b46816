// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/container_steps.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/memory.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/time_text.hpp"
#include "cedana/containers/podman_restore.hpp"
#include "cedana/host/description.hpp"
#include "cedana/host/fit.hpp"
#include "cedana/host/hooks.hpp"
#include "cedana/host/memory_kinds.hpp"

#include <algorithm>
#include <iterator>
#include <system_error>
#include <utility>

#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

// What the engine decides, or does by itself.
void refuse_requests(const RestoreRequest& request) {
    const auto refuse = [](const char* option, const char* why) {
        throw Error(Fault::usage, fmt::format("{} is not for a container, {}", option, why))
            .hint(fmt::format("leave {} out", option));
    };
    if (request.new_pid_namespace)
        refuse("--new-pidns", "which has a pid namespace of its own anyway");
    if (request.attendance == Attendance::foreground)
        refuse("--foreground", "whose parent is its engine");
    if (request.output)
        refuse("--stdio", "whose output is kept by its engine");
}

void require_restorable_engine(const ContainerRecord& record) {
    if (record.engine == "podman")
        return;
    throw Error(Fault::restore_failed,
                fmt::format("cedana cannot bring back a container of {} yet", printable(record.engine)))
        .hint("podman's containers come back; of others a checkpoint is for inspect and verify alone");
}

std::string kind_text(bool is_folder) { return is_folder ? "a folder" : "a file"; }

// A source that is missing is never made: the container would run with nothing in place of its data.
Errors check_mounts(const RestoreDraft& draft) {
    Errors refused;
    const bool is_signed = draft.checkpoint->signature().by == SignedBy::trusted;
    for (const ContainerMount& mount : draft.manifest().container->mounts) {
        if (mount.kind != MountSource::host)
            continue;
        std::error_code error;
        const fs::file_status there = fs::status(mount.source, error);
        const std::string source = printable(mount.source);
        if (!fs::exists(there) || fs::is_directory(there) != mount.is_folder)
            refused.push_back(Error(Fault::restore_failed,
                                    fmt::format("{}, {} of the host that is {} in the container, is not here", source,
                                                kind_text(mount.is_folder), printable(mount.destination)))
                                  .hint("make it, with what the container expects there"));
        else if (!is_signed && std::ranges::count(draft.request.allowed_mounts, fs::path(mount.source)) == 0)
            refused.push_back(
                Error(Fault::permission, fmt::format("the container would have {} of this host as {}, and nobody who "
                                                     "is trusted has signed the checkpoint",
                                                     source, printable(mount.destination)))
                    .hint(fmt::format("if it may: --allow-mount {}", shell_word(source))));
    }
    return refused;
}

Steps engine_steps(RestoreDraft& draft) {
    return {
        check("looking what is asked for", [&] { refuse_requests(draft.request); }),
        check("looking which engine it needs", [&] { require_restorable_engine(*draft.manifest().container); }),
        check("looking for the engine",
              [&] {
                  const containers::PodmanRestore podman(
                      engine_of(draft), *draft.manifest().container, draft.request.container_name.value_or(""),
                      parse_utc_iso(draft.manifest().created).value_or(std::chrono::system_clock::time_point()));
              }),
        check_each("looking for what is mounted in it", [&] { return check_mounts(draft); }),
    };
}

Steps fit_steps(RestoreDraft& draft) {
    const ManifestHost host = describe_host();
    return {
        touch("running the hook pre_restore",
              [&] {
                  run_hook(hook_for(HookStage::pre_restore, draft.request.config),
                           {.pid = draft.pid(), .checkpoint = draft.path}, draft.interrupt);
              }),
        check("comparing this host", [&draft, host] { require_fit(draft.manifest(), host); }),
        check("comparing the CPU",
              [&draft, host] { require_instructions(draft.manifest(), host, draft.request.any_cpu); }),
        check("looking for memory",
              [&] { require_memory(draft.manifest(), draft.needs.memory.locked, host_memory()); }),
    };
}

} // namespace

containers::Engine engine_of(const RestoreDraft& draft) {
    return containers::require_engine(containers::parse_engine(draft.manifest().container->engine),
                                      draft.request.config);
}

Steps steps_before_container(RestoreDraft& draft) {
    Steps steps = steps_on_checkpoint(draft);
    for (Steps more : {fit_steps(draft), engine_steps(draft)})
        std::ranges::move(more, std::back_inserter(steps));
    return steps;
}

} // namespace cedana
