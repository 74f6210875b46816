// SPDX-License-Identifier: Apache-2.0
#include "cedana/containers/volumes.hpp"

#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/containers/changed_files.hpp"
#include "cedana/containers/root_folder.hpp"
#include "cedana/containers/runtime_state.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <unistd.h>

namespace cedana::containers {

namespace fs = std::filesystem;

namespace {

using Json = nlohmann::json;

constexpr const char* k_made_note = "volumes.note";
constexpr const char* k_aside_note = "volumes.aside";

std::vector<ContainerMount> volumes_of(const ContainerRecord& record) {
    std::vector<ContainerMount> volumes;
    std::ranges::copy_if(record.mounts, std::back_inserter(volumes),
                         [](const ContainerMount& mount) { return mount.kind == MountSource::volume; });
    return volumes;
}

void require_volume_name(const std::string& name) {
    if (!is_plain_name(name))
        throw Error(Fault::checkpoint,
                    fmt::format("the checkpoint is not safe to use: {} is no name of a volume", printable(name)));
}

bool has_volume(const Engine& engine, const std::string& name) {
    require_volume_name(name);
    return ask_for(engine, {"volume", "inspect", name}).has_value();
}

// Containers that run and have it, without that of the checkpoint, which is about to come back.
std::vector<std::string> users_of(const Engine& engine, const std::string& volume) {
    const std::string names = ask(engine, {"ps", "--filter", "volume=" + volume, "--format", "{{.Names}}"});
    std::vector<std::string> users;
    for (const std::string& name : split(names, '\n'))
        if (!name.empty())
            users.push_back(name);
    return users;
}

std::optional<Error> refusal_of(const Engine& engine, const ContainerMount& volume, ExistingVolumes existing) {
    const std::string name = printable(volume.source);
    if (!has_volume(engine, volume.source)) {
        if (!volume.content.empty())
            return std::nullopt;
        return Error(
                   Fault::restore_failed,
                   fmt::format("the volume {}, which is {} in the container, is not here, and the checkpoint does not "
                               "hold it",
                               name, printable(volume.destination)))
            .hint(fmt::format("make it, with what the container expects there: {} volume create {} (a dump with "
                              "--volumes named holds it)",
                              engine.name(), name));
    }
    if (existing == ExistingVolumes::keep || volume.content.empty())
        return std::nullopt;
    const std::vector<std::string> users = users_of(engine, volume.source);
    if (users.empty())
        return std::nullopt;
    return Error(Fault::restore_failed, fmt::format("the volume {} cannot be overwritten: {} has it, and runs", name,
                                                    printable(fmt::format("{}", fmt::join(users, ", ")))))
        .hint(fmt::format("stop it first, or keep what is in the volume (--volumes keep)"));
}

void remove_volumes(const Engine& engine, const std::set<std::string>& names) {
    for (const std::string& name : names)
        if (has_volume(engine, name))
            static_cast<void>(ask(engine, {"volume", "rm", name}));
}

} // namespace

FolderImages images_of_volume(const std::string& content) {
    return {.ahead = content + ".tar", .since = content + "-since.tar"};
}

std::string outdated_entry_of_volume(const std::string& content) {
    return fmt::format("{}outdated-{}", k_container_folder, content);
}

std::vector<Error> check_volumes(const Engine& engine, const ContainerRecord& record, ExistingVolumes existing) {
    std::vector<Error> refused;
    const std::vector<ContainerMount> volumes = volumes_of(record);
    if (existing == ExistingVolumes::overwrite &&
        std::ranges::none_of(volumes, [](const ContainerMount& volume) { return !volume.content.empty(); }))
        refused.push_back(Error(Fault::usage, "the checkpoint holds no volume that could overwrite one")
                              .hint("leave --volumes out; a dump with --volumes named holds them"));
    for (const ContainerMount& volume : volumes)
        if (auto refusal = refusal_of(engine, volume, existing))
            refused.push_back(std::move(*refusal));
    return refused;
}

VolumeRestore::VolumeRestore(Engine engine, const ContainerRecord& record, ExistingVolumes existing, fs::path work)
    : engine_(std::move(engine)), record_(record), existing_(existing), work_(std::move(work)),
      aside_(work_ / k_aside_note) {
    for (const ContainerMount& volume : volumes_of(record_))
        if (!has_volume(engine_, volume.source))
            missing_.insert(volume.source);
    if (!missing_.empty())
        replace_file(
            work_ / k_made_note,
            Json({{"engine", name_of(engine_.kind)}, {"program", engine_.program}, {"made", missing_}}).dump());
}

VolumeRestore::~VolumeRestore() {
    if (!is_open_)
        return;
    try {
        remove_volumes(engine_, missing_);
    } catch (const std::exception& error) {
        spdlog::warn("volumes that were made for the container could not be removed: {}", error.what());
    }
}

void VolumeRestore::put(const std::vector<criu::RpcMount>& mounts, ImageSource& images,
                        const std::function<std::string(const std::string& entry)>& text, ArchiveTrust trust,
                        const Interrupt& interrupt) {
    for (const ContainerMount& volume : volumes_of(record_)) {
        if (volume.content.empty() || (existing_ == ExistingVolumes::keep && !missing_.contains(volume.source)))
            continue;
        const auto place = std::ranges::find(mounts, volume.destination, &criu::RpcMount::key);
        if (place == mounts.end())
            throw Error(Fault::restore_failed, fmt::format("{} has not said where the volume {} lies", engine_.name(),
                                                           printable(volume.source)));
        aside_.take(place->value);
        const FolderImages names = images_of_volume(volume.content);
        const RootFolder root(place->value);
        unpack(root, images, names.ahead, trust, interrupt);
        remove_files(root, parse_removed(text(outdated_entry_of_volume(volume.content))));
        if (images.exists(names.since))
            unpack(root, images, names.since, trust, interrupt);
    }
}

void VolumeRestore::commit() {
    is_open_ = false;
    aside_.commit();
}

std::vector<fs::path> find_volumes_aside(const fs::path& work) { return find_contents_aside(work / k_aside_note); }

std::vector<fs::path> end_killed_volumes(const fs::path& work, AsideEnd end) {
    std::vector<fs::path> ended = end_contents_aside(work / k_aside_note, end);
    std::error_code ignored;
    if (end == AsideEnd::committed || !fs::exists(work / k_made_note, ignored))
        return ended;
    const Json noted = Json::parse(read_file(work / k_made_note));
    remove_volumes({.kind = parse_engine(noted.at("engine").get<std::string>()),
                    .program = noted.at("program").get<std::string>()},
                   noted.at("made").get<std::set<std::string>>());
    ::unlink((work / k_made_note).c_str());
    return ended;
}

} // namespace cedana::containers
