// SPDX-License-Identifier: Apache-2.0
// By whom a checkpoint's container comes back: what differs from engine to engine in the restore of one.
#pragma once

#include "cedana/action/restore_steps.hpp"
#include "cedana/containers/engine_restore.hpp"
#include "cedana/containers/host_access.hpp"
#include "cedana/containers/small_tar.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace cedana {

// A runtime by itself, without an engine.
[[nodiscard]] bool is_bare(const ContainerRecord& record);

// As it is called once it is back; of one that its runtime makes, the begin of its id.
[[nodiscard]] std::string name_at_return(const RestoreDraft& draft);

// Throws Error(Fault::restore_failed) for an engine whose containers do not come back, Error(Fault::environment) where
// it is not installed, and as the constructors of those that there are do. Changes nothing.
[[nodiscard]] std::unique_ptr<containers::EngineRestore> engine_restore_of(const RestoreDraft& draft);

// What the engine has said of the container, out of the checkpoint.
[[nodiscard]] containers::SmallFiles engine_description(const RestoreDraft& draft);

// What the container would have of this host: by what the engine believes, and the files of the host that it had open.
// Throws Error(Fault::checkpoint) for a description that is not safe to use.
[[nodiscard]] containers::HostAccess host_access_of(const RestoreDraft& draft);

// Where the outputs of a container without an engine go; opened for as long as this lives.
class ContainerOutput {
  public:
    // Throws Error as open_output_for() does.
    explicit ContainerOutput(const RestoreDraft& draft);
    [[nodiscard]] std::vector<std::pair<int, int>> descriptors() const;

  private:
    UniqueFd file_;
    // Of an engine that has a runtime create it.
    std::vector<std::pair<int, int>> given_;
};

} // namespace cedana
