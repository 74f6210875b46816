// SPDX-License-Identifier: Apache-2.0
#include "cedana/undo/undo_restore.hpp"

#include "cedana/base/child_process.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"
#include "cedana/containers/container.hpp"
#include "cedana/containers/containerd_restore.hpp"
#include "cedana/containers/docker_restore.hpp"
#include "cedana/containers/podman_restore.hpp"
#include "cedana/criu/command.hpp"
#include "cedana/criu/restore.hpp"
#include "cedana/files/put_back.hpp"
#include "cedana/files/remap_guard.hpp"
#include "cedana/process/procfs.hpp"
#include "cedana/process/written_files.hpp"
#include "cedana/undo/end_trees.hpp"
#include "cedana/undo/socket_guard.hpp"

#include <optional>
#include <string>
#include <utility>

#include <spdlog/spdlog.h>

#include <sys/stat.h>
#include <unistd.h>

namespace cedana {

namespace {

bool is_written_to(const std::filesystem::path& path) {
    struct ::stat info {};
    return ::lstat(path.c_str(), &info) == 0 && !outside_writers(Procfs(), {file_id(info)}, {}, ::getpid()).empty();
}

void undo(const PutBackStep& step, PutBackUndo& killed, FinishedRestore& finished) {
    if (is_written_to(step.path))
        return finished.in_use.push_back(step.path);
    try {
        auto& paths = killed.undo(step) ? finished.undone : finished.left;
        paths.push_back(step.path);
    } catch (const Error& error) {
        spdlog::warn("{} could not be made as it was before the restore: {}", printable(step.path.string()),
                     error.message());
        finished.left.push_back(step.path);
    }
}

// The pid may be another's by now; the control group is that of the container.
void end_tree_of_container(const std::filesystem::path& work, const std::string& id) {
    if (!std::filesystem::exists(work / criu::k_pid_file))
        return;
    const pid_t root = criu::restored_pid(work / criu::k_pid_file);
    auto process = open_pidfd(root);
    if (!process || containers::container_id_in(Procfs().read(root, "cgroup").value_or("")) != id)
        return;
    end_tree(root, std::move(*process));
}

// Of the one engine that had it.
void take_note(const containers::FinishedContainer& container, FinishedRestore& finished) {
    if (container.container)
        finished.container = container.container;
    finished.undone.insert(finished.undone.end(), container.taken_back.begin(), container.taken_back.end());
    for (const std::filesystem::path& path : container.left)
        spdlog::warn("{} holds what was there before a restore that was killed: the container ran, and has ended since",
                     printable(path.string()));
}

} // namespace

FinishedRestore finish_killed_restore(const std::filesystem::path& work, pid_t writer) {
    FinishedRestore finished{.tree_ran = criu::was_restored(work / criu::k_restore_log)};
    RemapGuard::finish_killed(work / k_remap_journal, finished.tree_ran);
    SocketGuard::finish_killed(work / k_socket_journal, finished.tree_ran);
    const bool tree_ran = finished.tree_ran;
    take_note(containers::finish_killed_podman(work, tree_ran,
                                               [&](const std::string& id) { end_tree_of_container(work, id); }),
              finished);
    take_note(containers::finish_killed_docker(work, tree_ran), finished);
    take_note(containers::finish_killed_containerd(work, tree_ran), finished);
    if (finished.tree_ran)
        return finished;
    const std::vector<PutBackStep> steps = read_journal(work / k_put_back_journal);
    PutBackUndo killed(writer);
    for (auto step = steps.rbegin(); step != steps.rend(); ++step)
        undo(*step, killed, finished);
    try {
        killed.flush();
    } catch (const Error& error) {
        spdlog::warn("whether the disk keeps files as they were before the restore is not known: {}", error.message());
    }
    return finished;
}

} // namespace cedana
