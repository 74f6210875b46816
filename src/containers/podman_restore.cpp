// SPDX-License-Identifier: Apache-2.0
#include "cedana/containers/podman_restore.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/system_path.hpp"
#include "cedana/base/text.hpp"
#include "cedana/containers/podman.hpp"
#include "cedana/containers/podman_description.hpp"
#include "cedana/containers/podman_storage.hpp"
#include "cedana/containers/runtime_state.hpp"

#include <algorithm>
#include <cstdint>
#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <fcntl.h>

namespace cedana::containers {

namespace fs = std::filesystem;

namespace {

// Of the engine's, as it calls it.
fs::path checkpoint_folder(const PodmanContainer& container) { return container.folder / "checkpoint"; }

struct NotedRestore {
    std::string program;
    std::string name;
    // Of a container that was there before; empty: it is made.
    std::string checkpoint = {};
    // Its id, where that is known before it is made.
    std::string id = {};
};

constexpr const char* k_note = "podman.note";
constexpr const char* k_files_note = "podman.aside";

void note_restore(const fs::path& work, const NotedRestore& noted) {
    replace_file(
        work / k_note,
        nlohmann::json(
            {{"program", noted.program}, {"name", noted.name}, {"checkpoint", noted.checkpoint}, {"id", noted.id}})
            .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

std::optional<NotedRestore> read_note(const fs::path& work) {
    std::error_code ignored;
    if (!fs::exists(work / k_note, ignored))
        return std::nullopt;
    const auto json = nlohmann::json::parse(read_file(work / k_note));
    return NotedRestore{.program = json.at("program").get<std::string>(),
                        .name = json.at("name").get<std::string>(),
                        .checkpoint = json.at("checkpoint").get<std::string>(),
                        .id = json.at("id").get<std::string>()};
}

// It was made and never ran.
bool is_half_made(const PodmanContainer& container) {
    return container.status == "created" || container.status == "configured" || container.status == "initialized";
}

// Of one that does not run, and whose files nobody had mounted before: a podman that was killed has left them so, and
// does not know of it (`container cleanup` does nothing).
void unmount_files(const Engine& engine, const PodmanContainer& container) {
    if (overlay_mounted_at(container.upper))
        static_cast<void>(try_to_ask(engine, {"umount", container.id}));
}

// Under an overlay that somebody has mounted, nothing may change (Linux, filesystems/overlayfs).
void require_unmounted(const PodmanContainer& container) {
    if (const auto place = overlay_mounted_at(container.upper))
        throw Error(Fault::restore_failed,
                    fmt::format("the files of the container are mounted at {}", printable(*place)))
            .hint(fmt::format("podman umount {}, or whatever mounted them (a podman that was killed as it cleaned up "
                              "leaves them so)",
                              short_id(container.id)));
}

// What podman has forgotten its runtime may know, as one that has ended: it would make no other container of the id.
// One that runs it does not delete: that is of another podman, with folders of its own.
void forget_in_runtime(const std::string& id) {
    const auto is_podmans = [&](const std::string& bundle) {
        return bundle.find(fmt::format("/overlay-containers/{}/", id)) != std::string::npos;
    };
    const auto delete_by = [&](const char* runtime, std::vector<std::string> words) {
        words.insert(words.end(), {"delete", id});
        if (const auto program = find_in_system_path(runtime))
            static_cast<void>(try_to_ask({.kind = EngineKind::runc, .program = *program}, std::move(words)));
    };
    for (const fs::path& state : find_runtime_states(id))
        if (is_podmans(parse_runtime_state(read_file(state)).bundle))
            delete_by("runc", {"--root", state.parent_path().parent_path().string()});
    if (const auto folder = find_crun_folder(id);
        folder && is_podmans(nlohmann::json::parse(read_file(*folder / "status")).value("bundle", "")))
        delete_by("crun", {});
}

// Of a container that was to be made: one that podman knows, and what one that was killed has left of it. Returns its
// id; absent: there is nothing of it, but its runtime may know it.
std::optional<std::string> remove_made(const Engine& engine, const std::optional<PodmanContainer>& there,
                                       const std::string& id, const std::string& name) {
    std::optional<std::string> removed;
    if (there) {
        static_cast<void>(ask(engine, {"rm", "--force", there->id}));
        removed = there->id;
    } else {
        removed = remove_stored(engine, id, name);
    }
    if (removed || !id.empty())
        forget_in_runtime(removed.value_or(id));
    return removed;
}

void write_file(const fs::path& path, const std::string& content) {
    const UniqueFd file = open_file(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
    write_all(file.get(), content, path);
}

// Those that are files: podman keeps their content in the folder of the container, and makes none where it makes the
// container of an archive (libpod/container_internal_linux.go, importCheckpoint).
void refuse_secrets(const ContainerRecord& record) {
    for (const ContainerMount& mount : record.mounts)
        if (is_secret(mount))
            throw Error(Fault::restore_failed, fmt::format("podman would make container {} without its secret {}",
                                                           printable(record.name), printable(mount.destination)))
                .hint("restore it before the container is removed, or start it with the file as a volume (-v)");
}

} // namespace

std::optional<PodmanContainer> find_in_podman(const Engine& engine, const std::string& name) {
    // RFC 3339 times in Go's text are many; a number is one.
    constexpr const char* k_format = "{{.Id}}\n{{.State.Status}}\n{{.State.StartedAt.Unix}}\n{{.StaticDir}}\n"
                                     "{{.GraphDriver.Data.UpperDir}}\n{{.Name}}";
    const auto text = ask_for(engine, {"container", "inspect", "--format", k_format, name});
    if (!text)
        return std::nullopt;
    const std::vector<std::string> lines = split(trim(*text), '\n');
    std::int64_t started = 0;
    // podman takes the begin of an id for a name: "d" may be any container.
    if (lines.size() == 6 && lines[0] != name && lines[5] != name)
        return std::nullopt;
    if (lines.size() != 6 || !parse_number(lines[2], started))
        throw Error(Fault::environment, "what podman says of the container cannot be read");
    return PodmanContainer{.id = lines[0],
                           .status = lines[1],
                           .started = std::chrono::system_clock::time_point(std::chrono::seconds(started)),
                           .folder = lines[3],
                           .upper = lines[4]};
}

bool has_image(const Engine& engine, const std::string& id) {
    return ask_for(engine, {"image", "inspect", "--format", "{{.Id}}", id}).has_value();
}

PodmanRestore::PodmanRestore(Engine engine, const ContainerRecord& record, std::string as,
                             std::chrono::system_clock::time_point made)
    : engine_(std::move(engine)), record_(record), as_(std::move(as)) {
    if (!is_plain_name(name()))
        throw Error(Fault::usage, fmt::format("{} is no name of a container", printable(name())));
    original_ = find_in_podman(engine_, name());
    if (original_)
        require_usable(engine_, {.id = original_->id, .status = original_->status, .started = original_->started},
                       record_, name(), made);
    if (!original_) {
        require_free();
        refuse_secrets(record_);
    }
    if (!record_.image_id.empty() && !has_image(engine_, record_.image_id))
        throw missing_image(engine_, record_);
}

// Of id and name. What the storage has of either later is of the podman that was told to make it.
void PodmanRestore::require_free() const {
    const auto stored = find_stored(engine_, as_.empty() ? record_.id : std::string(), name());
    if (!stored)
        return;
    if (!stored->is_known)
        throw left_in_storage(*stored, name());
    throw Error(Fault::restore_failed, fmt::format("container {} is there under another name", short_id(stored->id)))
        .hint("pass --as with a new name, or remove it");
}

EngineCommand PodmanRestore::prepare(const SmallFiles& description, const std::string& external_descriptors,
                                     const fs::path& work) {
    note_restore(work, {.program = engine_.program,
                        .name = name(),
                        .checkpoint = original_ ? checkpoint_folder(*original_).string() : std::string(),
                        .id = original_ || as_.empty() ? record_.id : std::string()});
    prepared_ = true;
    EngineCommand command{.program = engine_.program, .words = {"container", "restore"}};
    if (original_) {
        require_unmounted(*original_);
        files_.emplace(work / k_files_note).take(original_->upper);
        const fs::path folder = checkpoint_folder(*original_);
        std::error_code error;
        fs::remove_all(folder, error);
        if (error || !fs::create_directory(folder, error))
            throw os_error(error.value(), fmt::format("cannot make {}", folder.string()), Fault::storage);
        fs::permissions(folder, fs::perms::owner_all, error);
        write_file(folder / "descriptors.json", external_descriptors);
        write_file(folder / "inventory.img", "");
        command.words.push_back(record_.id);
        return command;
    }
    const fs::path archive = work / "podman.tar";
    write_podman_archive(archive, description, external_descriptors);
    // podman takes none by another than the one that it uses without being told.
    if (const std::string runtime = runtime_in(description); !runtime.empty())
        command.words.insert(command.words.begin(), {"--runtime", runtime});
    command.words.insert(command.words.end(), {"--import", archive.string(), "--ignore-rootfs", "--ignore-volumes"});
    if (!as_.empty())
        command.words.insert(command.words.end(), {"--name", as_});
    return command;
}

// One with a policy that has ended was stopped, or podman would have started it anew; a start takes that back, and a
// restore does not (libpod/container_internal.go, StoppedByUser).
void PodmanRestore::warn_of_policy() const {
    const std::string& policy = record_.restart_policy;
    if (!policy.empty() && policy != "no")
        spdlog::warn(
            "podman goes on to take container {} for one that its user has stopped: until podman starts it anew, "
            "its restart policy {} does nothing when it ends (removed before a restore, it is made with it)",
            printable(name()), printable(policy));
}

std::string PodmanRestore::commit() {
    prepared_ = false;
    if (files_)
        files_->commit();
    const auto there = find_in_podman(engine_, name());
    if (!there)
        throw Error(Fault::restore_failed, fmt::format("podman does not know container {}", printable(name())));
    if (original_)
        warn_of_policy();
    return there->id;
}

FinishedContainer finish_killed_podman(const fs::path& work, bool tree_ran,
                                       const std::function<void(const std::string& id)>& end_tree) {
    FinishedContainer finished;
    const auto noted = read_note(work);
    if (!noted)
        return finished;
    const Engine engine{.kind = EngineKind::podman, .program = noted->program};
    // A podman that is still at it is waited for: it has the container's lock.
    const auto there = find_in_podman(engine, noted->name);
    const bool runs = there && there->status == "running";
    if (const std::string& id = there ? there->id : noted->id; tree_ran && !runs && !id.empty()) {
        end_tree(id);
        forget_in_runtime(id);
    }
    if (!noted->checkpoint.empty() && !runs) {
        std::error_code ignored;
        fs::remove_all(noted->checkpoint, ignored);
    } else if (noted->checkpoint.empty() && (!there || is_half_made(*there))) {
        if (remove_made(engine, there, noted->id, noted->name))
            finished.container = noted->name;
    }
    const bool has_run = tree_ran && !runs && !(there && finished.container);
    if (!has_run && there && !runs)
        unmount_files(engine, *there);
    const ContainerFate fate = runs ? ContainerFate::runs : has_run ? ContainerFate::has_run : ContainerFate::never_ran;
    finish_replaced(work, work / k_files_note, fate, finished);
    return finished;
}

PodmanRestore::~PodmanRestore() {
    if (!prepared_)
        return;
    try {
        if (original_) {
            std::error_code ignored;
            fs::remove_all(checkpoint_folder(*original_), ignored);
            if (const auto there = find_in_podman(engine_, name()); there && there->status == "running")
                static_cast<void>(ask(engine_, {"stop", "--time", "0", there->id}));
            unmount_files(engine_, *original_);
            files_.reset();
        } else {
            remove_made(engine_, find_in_podman(engine_, name()), as_.empty() ? record_.id : std::string(), name());
        }
    } catch (const std::exception& error) {
        leave(fmt::format("what podman has begun of container {}", printable(name())), error);
    }
}

} // namespace cedana::containers
