// SPDX-License-Identifier: Apache-2.0
// How containerd is told to take a container back. Its container is there, with the files that its user wants in it,
// and has cedana as its runtime (run_as_runtime.hpp); its task is started, and comes back where it was to be made.
#pragma once

#include "cedana/containers/containerd.hpp"
#include "cedana/containers/engine_restore.hpp"
#include "cedana/containers/replaced_files.hpp"
#include "cedana/model/container.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace cedana::containers {

class ContainerdRestore final : public EngineRestore {
  public:
    // `as`: the container that it is to be; empty: that which it was. `specification`: of the checkpoint. `log`: where
    // its output goes. Throws Error(Fault::restore_failed) where there is no such container, it runs, has another
    // runtime or lacks what that of the checkpoint had. Changes nothing.
    ContainerdRestore(Engine engine, const ContainerRecord& record, const std::string& as,
                      std::string_view specification, std::filesystem::path log);
    ContainerdRestore(const ContainerdRestore&) = delete;
    ContainerdRestore& operator=(const ContainerdRestore&) = delete;
    ~ContainerdRestore() override;

    [[nodiscard]] EngineCommand prepare(const SmallFiles& description, const std::string& external_descriptors,
                                        const std::filesystem::path& work) override;
    [[nodiscard]] std::string commit() override;

  private:
    Engine engine_;
    ContainerdName name_;
    std::filesystem::path log_;
    // Of its overlay; empty where containerd does not say it.
    std::filesystem::path upper_;
    // What the container has changed since.
    std::optional<ReplacedFiles> files_;
    bool has_ended_task_ = false;
    bool prepared_ = false;
};

// What a cedana that was killed had containerd begin, by what it noted in its work folder: a task that does not run is
// removed, and the container gets its files back. `tree_ran`: CRIU had brought it back. Throws Error.
[[nodiscard]] FinishedContainer finish_killed_containerd(const std::filesystem::path& work, bool tree_ran);

} // namespace cedana::containers
