// SPDX-License-Identifier: Apache-2.0
#include "cedana/engine/container_tree.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"
#include "cedana/containers/entry_names.hpp"
#include "cedana/containers/podman.hpp"
#include "cedana/containers/root_folder.hpp"
#include "cedana/containers/volumes.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <fcntl.h>

namespace cedana {

using containers::EngineKind;

namespace {

// From when the engine is asked to end it, while it stands still.
constexpr auto k_engine_patience = std::chrono::seconds(30);
// What of that is left for taking note is no less.
constexpr auto k_least_patience = std::chrono::seconds(10);
// There is no event for a process that is traced by another one and has died.
constexpr auto k_look_every = std::chrono::milliseconds(5);

// Pid 1 of a namespace waits for all that live there before it is a zombie (kernel/pid_namespace.c,
// zap_pid_ns_processes), and those CRIU has.
bool is_dying(const ProcessStat& stat) {
    // PF_EXITING of linux/sched.h.
    constexpr unsigned k_exiting = 0x4;
    return stat.is_zombie() || (stat.flags & k_exiting) != 0;
}

std::string no_answer_within(std::chrono::seconds limit) {
    return fmt::format("has not answered within {} s", limit.count());
}

// Those that whoever is outside has put into it, as by exec: CRIU goes by who is whose child.
std::vector<std::string> strangers_in(const Procfs& procfs, const ProcessTree& tree) {
    std::vector<std::string> found;
    const pid_t root = tree.root().pid();
    const std::string groups = procfs.read(root, "cgroup").value_or("");
    const Namespaces own(procfs, root);
    for (const pid_t pid : procfs.pids()) {
        if (tree.contains(pid) || procfs.read(pid, "cgroup").value_or("") != groups ||
            differ(Namespaces(procfs, pid), own, "pid"))
            continue;
        if (const auto stat = procfs.stat(pid); stat && !stat->is_zombie())
            found.push_back(described(*stat));
    }
    return found;
}

std::set<std::string> paths_below(const std::string& folder, const std::set<std::string>& paths) {
    std::set<std::string> below;
    for (auto path = paths.lower_bound(folder); path != paths.end() && path->starts_with(folder); ++path)
        below.insert(path->substr(folder.size()));
    return below;
}

} // namespace

ContainerTree::ContainerTree(const ContainerName& name, const Config& config)
    : container_(containers::find_container(name.name, name.engine, config)) {
    const containers::SeenInside inside = containers::look_inside(pid());
    criu_arguments_ = containers::criu_arguments(container_, inside);
    add_root(inside);
    if (name.volumes == DumpedVolumes::named)
        add_volumes(inside);
    for (CapturedFolder& folder : folders_)
        changed_bytes_ += folder.files.measure().bytes;
    texts_[containers::k_inspection_entry] = container_.inspection;
    texts_[containers::k_descriptors_entry] = container_.state.external_descriptors;
    if (!container_.specification.empty())
        texts_[containers::k_specification_entry] = container_.specification;
}

void ContainerTree::add_root(const containers::SeenInside& inside) {
    if (const auto overlay = containers::find_overlay(inside.mounts))
        folders_.push_back(
            {.below = "", .files = containers::capture_of(*overlay), .outdated_entry = containers::k_outdated_entry});
    else if (!containers::is_runtime(container_.engine.kind))
        throw Error(Fault::dump_failed,
                    fmt::format("the files of {} cannot be captured: its root is no overlay", container_.text()))
            .hint(fmt::format("use the storage driver overlay ({} info says which it is)", container_.engine.name()));
}

void ContainerTree::add_volumes(const containers::SeenInside& inside) {
    const containers::RootFolder root(fmt::format("/proc/{}/root", pid()));
    for (ContainerMount& mount : container_.record.mounts) {
        if (mount.kind != MountSource::volume || !mount.is_folder)
            continue;
        const std::string below = containers::parse_inner_path(mount.destination) + "/";
        UniqueFd folder = root.open_across(below, O_RDONLY | O_DIRECTORY);
        if (!folder)
            throw OsFailure(Fault::dump_failed).error("cannot open the volume {}", printable(mount.source));
        std::set<std::string> mounted;
        for (const Mount& one : inside.mounts)
            if (one.path.starts_with("/" + below))
                mounted.insert(one.path.substr(below.size() + 1));
        mount.content = fmt::format("container-volume-{}", folders_.size());
        folders_.push_back({.below = below,
                            .files = {std::move(folder), containers::FolderKind::plain,
                                      containers::images_of_volume(mount.content), std::move(mounted)},
                            .outdated_entry = containers::outdated_entry_of_volume(mount.content)});
    }
}

void ContainerTree::adapt(SeenTree& seen) const {
    seen.name = container_.record.name;
    // What it must find again is in the image, or captured.
    seen.required_files.clear();
    seen.written = {};
    // CRIU's own names of files are captured with all others.
    seen.record.files.clear();
    seen.record.names_before.clear();
    TreeFacts& facts = seen.facts;
    facts.own_mounts = true;
    facts.external_pipes.clear();
    facts.external_terminals.clear();
    facts.outer_dev_tty.clear();
    facts.journal_streams.clear();
    facts.shell_job = false;
    if (container_.record.has_terminal)
        drop_helped_by_console(facts.refusals);
    seen.options.shell_job = false;
    seen.options.ignore_cgroups = false;
}

void ContainerTree::describe(const std::filesystem::path& work, const std::string& criu, const Interrupt& interrupt) {
    if (container_.engine.kind != EngineKind::podman)
        return;
    for (auto& [name, content] : containers::describe_by_podman(container_.engine, container_.record.id,
                                                                container_.record.runtime, work, criu, interrupt))
        texts_[containers::k_podman_folder + name] = content;
}

// Paths in the container, without a slash before them, of files whose memory some process shares with them.
std::set<std::string> ContainerTree::shared_mappings(const ProcessTree& tree) const {
    const Procfs procfs;
    std::set<std::string> mapped;
    const Namespaces own(procfs, pid());
    for (const pid_t one : procfs.pids())
        if (tree.contains(one) || own.get("mnt") == Namespaces(procfs, one).get("mnt"))
            mapped.merge(containers::shared_mappings_in(procfs.read(one, "maps").value_or("")));
    return mapped;
}

void ContainerTree::capture_ahead(const ProcessTree& tree, ImageSink& sink, const Interrupt& interrupt) {
    const std::set<std::string> mapped = shared_mappings(tree);
    for (CapturedFolder& folder : folders_)
        folder.files.take_ahead(paths_below(folder.below, mapped), sink, interrupt);
}

void ContainerTree::capture(const ProcessTree& tree, ImageSink& sink, const Interrupt& interrupt) {
    container_.record.left_out = strangers_in(Procfs(), tree);
    const std::set<std::string> mapped = shared_mappings(tree);
    for (CapturedFolder& folder : folders_) {
        const containers::ChangedFiles changed =
            folder.files.take_rest(paths_below(folder.below, mapped), sink, interrupt);
        texts_[folder.outdated_entry] = containers::write_removed(changed.outdated);
        if (folder.below.empty())
            texts_[containers::k_removed_entry] = containers::write_removed(changed.removed);
    }
    const auto is_shm = [](const ContainerMount& mount) {
        return mount.kind == MountSource::engine && mount.destination == "/dev/shm";
    };
    if (std::ranges::none_of(container_.record.mounts, is_shm))
        return;
    const containers::RootFolder root(fmt::format("/proc/{}/root", pid()));
    if (UniqueFd shm = root.open_across("dev/shm", O_RDONLY | O_DIRECTORY)) {
        // It is memory, and its files are mapped.
        containers::FolderCapture capture(std::move(shm), containers::FolderKind::plain,
                                          {.ahead = {}, .since = containers::k_shm_files});
        static_cast<void>(capture.take_rest({}, sink, interrupt));
    }
}

// The engine's command returns only when the runtime's is done, and that when the process is gone; CRIU has it until it
// is let go. The engine holds its lock of the container meanwhile, so that nothing of it starts anew in between.
void ContainerTree::begin_end() {
    // A runtime starts nothing anew.
    if (containers::is_runtime(container_.engine.kind))
        return;
    const Procfs procfs;
    ending_.emplace(containers::start(container_.engine, containers::ending_words(container_)));
    patience_ends_ = std::chrono::steady_clock::now() + k_engine_patience;
    while (true) {
        const auto root = procfs.stat(pid());
        if (!root || is_dying(*root))
            return;
        const auto status = ending_->wait_for(k_look_every);
        if (status && status->success())
            return;
        if (status || std::chrono::steady_clock::now() > patience_ends_)
            throw Error(Fault::dump_failed,
                        fmt::format("{} does not end {}: it {}", container_.engine.name(), container_.text(),
                                    status ? status->text() : no_answer_within(k_engine_patience)));
    }
}

void ContainerTree::finish_end() {
    if (!ending_ || !ending_->running())
        return;
    const auto patience = std::max(
        std::chrono::ceil<std::chrono::seconds>(patience_ends_ - std::chrono::steady_clock::now()), k_least_patience);
    const auto status = ending_->wait_for(patience);
    if (!status || !status->success())
        spdlog::warn("{} has not taken note that {} ended: it {}", container_.engine.name(), container_.text(),
                     status ? status->text() : no_answer_within(patience));
}

std::vector<std::string> ContainerTree::warnings() const {
    std::vector<std::string> warnings;
    for (const ContainerMount& mount : container_.record.mounts) {
        if (mount.kind == MountSource::host)
            warnings.push_back(fmt::format("{} in the container is {} of this host, which is not in the checkpoint",
                                           printable(mount.destination), printable(mount.source)));
        if (is_secret(mount))
            warnings.push_back(
                fmt::format("{} in the container is a secret: the checkpoint comes back in this container "
                            "alone, and not once that was removed",
                            printable(mount.destination)));
        if (mount.kind == MountSource::volume && mount.content.empty())
            warnings.push_back(fmt::format("{} in the container is the volume {}, which is not in the checkpoint "
                                           "(--volumes named takes it along)",
                                           printable(mount.destination), printable(mount.source)));
    }
    if (std::ranges::none_of(folders_, [](const CapturedFolder& folder) { return folder.below.empty(); }))
        warnings.push_back(
            fmt::format("the root folder {} is not in the checkpoint", printable(container_.state.root)));
    for (const std::string& process : container_.record.left_out)
        warnings.push_back(
            fmt::format("{} was put into the container from outside (exec), and is not in the checkpoint", process));
    return warnings;
}

} // namespace cedana
