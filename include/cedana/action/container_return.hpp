// SPDX-License-Identifier: Apache-2.0
// The part of a restore of a container that changes things: its engine makes it, its runtime has CRIU bring the tree
// back, and its files come in between. What is not committed is undone.
#pragma once

#include "cedana/action/restore_steps.hpp"
#include "cedana/base/progress.hpp"
#include "cedana/base/stopwatch.hpp"
#include "cedana/containers/engine_restore.hpp"
#include "cedana/containers/network_hold.hpp"
#include "cedana/containers/runtime_restore.hpp"
#include "cedana/containers/volumes.hpp"
#include "cedana/lazy/start.hpp"
#include "cedana/undo/connection_hold.hpp"
#include "cedana/undo/work_folder.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace cedana {

struct ReturnedContainer {
    std::string id;
    containers::RuntimeRestoreReport report;
    // Of a lazy restore: who brings the memory.
    std::unique_ptr<LazyStart> start = {};
};

class ContainerReturn {
  public:
    // All must outlive this. Makes the work folder.
    ContainerReturn(RestoreDraft& draft, Progress& progress, Stopwatch& watch);
    ContainerReturn(const ContainerReturn&) = delete;
    ContainerReturn& operator=(const ContainerReturn&) = delete;

    // Returns once the container runs. When it throws nothing of it runs, and a container that was not there before is
    // not there.
    [[nodiscard]] ReturnedContainer run();

  private:
    [[nodiscard]] containers::RuntimeRestoreReport run_engine(containers::EngineRestore& engine);
    void look_at_volumes();
    void hold_network();
    void put_files(const criu::RpcCall& call, ImageSource& images);
    void put_settings_back(pid_t root);
    void root_is_made(pid_t root);
    void end_untaken();
    void leave_behind();
    [[noreturn]] void explain_failure(const containers::RuntimeRestoreReport& report) const;

    RestoreDraft& draft_;
    Progress& progress_;
    Stopwatch& watch_;
    WorkFolder work_;
    // Before the engine's restore, so that it ends after that.
    std::optional<containers::VolumeRestore> volumes_;
    // Until its sockets are there.
    std::optional<containers::NetworkHold> hold_;
    std::optional<ConnectionHold> held_connections_;
    // The root, from when CRIU has made it.
    std::map<pid_t, UniqueFd> root_;
    // What could not be put back of what CRIU does not keep: sentences.
    std::vector<std::string> lost_;
    // Ends behind the tree: whoever waits for a page of memory must not be left alone with it.
    std::unique_ptr<LazyStart> start_;
};

} // namespace cedana
