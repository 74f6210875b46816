// SPDX-License-Identifier: Apache-2.0
// One restore by a container runtime, which an engine that is started here has begin it: the runtime asks for CRIU and
// gets it by the stand-in (stand_in.hpp); CRIU asks for images, and its stages are told to the runtime, which sets up
// networks and control groups meanwhile. The tree is the runtime's child, never ours.
#pragma once

#include "cedana/base/child_process.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/criu/restore.hpp"
#include "cedana/criu/rpc.hpp"
#include "cedana/model/image_stream.hpp"
#include "cedana/model/outside_file.hpp"

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace cedana::containers {

// What the command prints: its own words, or what the container will print, whose outputs are then those of the
// command. A command of the second kind writes its words into the file k_engine_output of the work folder by itself.
enum class EngineOutput { its_own, the_containers };
inline constexpr const char* k_engine_output = "engine.out";

// asks_a_daemon: it starts nothing that outlives it, and has the work folder locked like CRIU. So nobody takes away
// what was made for the daemon while it may still be asked: one that finds its one-shot file gone would start the
// container from its begin.
enum class EngineWork { does_it_itself, asks_a_daemon };

struct EngineCommand {
    std::string program;
    std::vector<std::string> words;
    EngineOutput output = EngineOutput::its_own;
    EngineWork work = EngineWork::does_it_itself;
};

struct RuntimeRestoreReport {
    ExitStatus status = ExitStatus::exited(0);
    // What the engine has printed, on both of its outputs.
    std::string said;
    // Absent if the runtime never asked for CRIU.
    std::optional<bool> criu_succeeded = std::nullopt;
    // Of the tree; 0 unless CRIU succeeded.
    pid_t pid = 0;
    std::uint64_t bytes = 0;
    std::set<criu::Mend> mends = {};
    bool stood = false;
};

struct RuntimeRestoreJob {
    // As of any restore; its `options` come before those that the runtime asks for. Its `standing` is called with the
    // pid that the host knows the root by.
    criu::RestoreJob criu;
    EngineCommand engine;
    // Where the container's outputs lead that led to pipes of others: descriptors of this process and their numbers.
    // Empty: nowhere. For EngineOutput::the_containers alone.
    std::vector<std::pair<int, int>> container_output = {};
    // CRIU is given them.
    std::vector<OutsideFile> outside_files = {};
    // How CRIU calls the console of a container that has a terminal (criu/console.hpp); empty: it has none. The runtime
    // gets the other end of a new one.
    std::string console = {};
    // The root file system is mounted, and nothing of the tree is there yet: files are put into it now. What it throws
    // ends the restore.
    std::function<void(const criu::RpcCall&)> before_tree;
    // CRIU has made the root, by the pid that the host knows it by; it may still fail, or nobody may take what it
    // makes.
    std::function<void(pid_t)> root_made = {};
};

// Returns when the engine's command has ended. What the source, `before_tree` or an interrupt throws is thrown on,
// after CRIU, if it was begun, has failed and the engine's command has ended. The container is the caller's to remove
// then.
[[nodiscard]] RuntimeRestoreReport restore_by_runtime(const RuntimeRestoreJob& job, ImageSource& source,
                                                      const Interrupt& interrupt);

} // namespace cedana::containers
