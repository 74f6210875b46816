// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/container_engines.hpp"

#include "cedana/action/container_steps.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/state_folder.hpp"
#include "cedana/base/system_path.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/time_text.hpp"
#include "cedana/containers/bare_restore.hpp"
#include "cedana/containers/containerd_restore.hpp"
#include "cedana/containers/created_restore.hpp"
#include "cedana/containers/docker_description.hpp"
#include "cedana/containers/docker_restore.hpp"
#include "cedana/containers/entry_names.hpp"
#include "cedana/containers/lacking_runtime.hpp"
#include "cedana/containers/podman_description.hpp"
#include "cedana/containers/podman_restore.hpp"
#include "cedana/model/callers_place.hpp"

#include <chrono>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <sys/stat.h>

namespace cedana {

using containers::EngineKind;

namespace {

EngineKind kind_of(const ContainerRecord& record) {
    try {
        return containers::parse_engine(record.engine);
    } catch (const Error&) {
        throw Error(Fault::restore_failed,
                    fmt::format("cedana cannot bring back a container of {}", printable(record.engine)));
    }
}

bool is_stateless_device(const std::string& path) {
    struct ::stat info {};
    return ::stat(path.c_str(), &info) == 0 && S_ISCHR(info.st_mode) && path_of_stateless(info.st_rdev) == path;
}

// Its own runtime was built without CRIU. What cedana has dumped of it runc takes for its own.
bool is_given_to_runc(const ContainerRecord& record) {
    if (record.engine != "podman" || record.runtime != "crun")
        return false;
    const auto crun = find_in_system_path("crun");
    return !crun || !containers::knows_checkpoints(*crun);
}

void require_runc_for(const ContainerRecord& record, const std::string& as, const Config& config) {
    if (!find_in_system_path(config.containers_runc))
        throw Error(Fault::environment, "crun here was built without CRIU")
            .hint("install runc, which restores its containers too: apt install runc");
    const containers::Engine podman = containers::require_engine(EngineKind::podman, config);
    if (as.empty() && containers::find_in_podman(podman, record.id))
        throw Error(Fault::restore_failed,
                    fmt::format("container {} is there, and its runtime crun was built without CRIU here",
                                printable(record.name)))
            .hint(fmt::format("pass --as with another name, or remove it: podman rm -f {}", printable(record.name)));
}

// Also for one of crun's by itself, whose dump runc takes for its own.
containers::Engine runtime_for(const Config& config) {
    if (!find_in_system_path(config.containers_runc))
        throw Error(Fault::environment, "runc, which restores containers of runc and crun, is not installed")
            .hint("apt install runc");
    return containers::require_engine(EngineKind::runc, config);
}

// The network of docker's containers comes by a hook.
std::unique_ptr<containers::CreatedRestore> created_restore_of(const RestoreDraft& draft) {
    if (draft.checkpoint->signature().by != SignedBy::trusted)
        throw Error(Fault::permission,
                    "no key that is trusted has signed the checkpoint, and an annotation alone vouches "
                    "for none")
            .hint("sign it (client sign), and name the key in security.trusted_keys");
    return std::make_unique<containers::CreatedRestore>(
        containers::require_engine(EngineKind::runc, draft.request.config), *draft.request.create,
        draft.manifest().container->engine == "docker" ? containers::MadeByHook::network
                                                       : containers::MadeByHook::nothing,
        draft.checkpoint->text(containers::k_specification_entry).value_or(""));
}

} // namespace

bool is_bare(const ContainerRecord& record) { return record.engine == "runc" || record.engine == "crun"; }

std::string name_at_return(const RestoreDraft& draft) {
    if (draft.request.create)
        return short_id(containers::id_in(*draft.request.create));
    return draft.request.container_name.value_or(draft.manifest().container->name);
}

std::unique_ptr<containers::EngineRestore> engine_restore_of(const RestoreDraft& draft) {
    const ContainerRecord& record = *draft.manifest().container;
    const Config& config = draft.request.config;
    if (draft.request.create)
        return created_restore_of(draft);
    const EngineKind kind = kind_of(record);
    const std::string as = draft.request.container_name.value_or("");
    const auto made = parse_utc_iso(draft.manifest().created).value_or(std::chrono::system_clock::time_point());
    const auto text = [&](const char* entry) { return draft.checkpoint->text(entry).value_or(""); };
    if (is_given_to_runc(record))
        require_runc_for(record, as, config);
    switch (kind) {
    case EngineKind::podman:
        return std::make_unique<containers::PodmanRestore>(containers::require_engine(kind, config), record, as, made);
    case EngineKind::runc:
    case EngineKind::crun:
        return std::make_unique<containers::BareRestore>(
            runtime_for(config), record, as,
            containers::BareTexts{.state = text(containers::k_inspection_entry),
                                  .specification = text(containers::k_specification_entry)},
            config);
    case EngineKind::containerd:
        return std::make_unique<containers::ContainerdRestore>(containers::require_engine(kind, config), record, as,
                                                               text(containers::k_specification_entry),
                                                               draft.request.output_place().path);
    case EngineKind::docker:
        break;
    }
    return std::make_unique<containers::DockerRestore>(containers::require_engine(kind, config), record, as, made,
                                                       text(containers::k_inspection_entry));
}

containers::SmallFiles engine_description(const RestoreDraft& draft) {
    containers::SmallFiles description = podman_description(*draft.checkpoint);
    if (is_given_to_runc(*draft.manifest().container))
        containers::change_runtime(description, "runc");
    return description;
}

containers::HostAccess host_access_of(const RestoreDraft& draft) {
    const ContainerRecord& record = *draft.manifest().container;
    containers::HostAccess access;
    if (kind_of(record) == EngineKind::podman)
        access = containers::read_host_access(podman_description(*draft.checkpoint), record.id);
    if (kind_of(record) == EngineKind::containerd)
        access = containers::read_host_access(
            {{"config.dump", "{}"},
             {"spec.dump", draft.checkpoint->text(containers::k_specification_entry).value_or("{}")}},
            record.id);
    if (kind_of(record) == EngineKind::docker)
        access = containers::read_docker_access(draft.checkpoint->text(containers::k_inspection_entry).value_or(""));
    for (const OutsideFile& file : draft.manifest().outside_files)
        if (!is_stateless_device(file.path))
            access.paths.insert(file.path);
    return access;
}

ContainerOutput::ContainerOutput(const RestoreDraft& draft) {
    if (draft.request.create) {
        const int first = draft.request.create->stdio;
        given_ = {{first, 0}, {first + 1, 1}, {first + 2, 2}};
        return;
    }
    if (!is_bare(*draft.manifest().container) ||
        !containers::had_pipes(draft.checkpoint->text(containers::k_descriptors_entry).value_or("[]")))
        return;
    const OutputPlace output = draft.request.output_place();
    if (output.named_by == NamedBy::cedana)
        make_log_folder(output.path.parent_path());
    file_ = open_output_for(output.caller, output.path, output.named_by);
    if (!draft.request.output)
        spdlog::warn("its output led to pipes of others, and goes to {} (--stdio says where else)",
                     printable(output.path.string()));
}

std::vector<std::pair<int, int>> ContainerOutput::descriptors() const {
    if (!given_.empty())
        return given_;
    return file_ ? std::vector<std::pair<int, int>>{{file_.get(), 1}, {file_.get(), 2}}
                 : std::vector<std::pair<int, int>>();
}

} // namespace cedana
