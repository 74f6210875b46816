// SPDX-License-Identifier: Apache-2.0
// How podman is told to take a container back: into the one that is still there and has ended, in which case all that
// podman knows of it stays (logs, its place in networks), or as a new one from its description.
#pragma once

#include "cedana/containers/engine.hpp"
#include "cedana/containers/engine_restore.hpp"
#include "cedana/containers/replaced_files.hpp"
#include "cedana/containers/small_tar.hpp"
#include "cedana/files/contents_aside.hpp"
#include "cedana/model/container.hpp"

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace cedana::containers {

// A container of this name, as podman has it now.
struct PodmanContainer {
    std::string id;
    std::string status;
    std::chrono::system_clock::time_point started;
    // Where podman keeps what is the container's.
    std::filesystem::path folder;
    // With what it has changed of its image's files.
    std::filesystem::path upper;
};
[[nodiscard]] std::optional<PodmanContainer> find_in_podman(const Engine& engine, const std::string& name);

// Whether podman has the image of this id.
[[nodiscard]] bool has_image(const Engine& engine, const std::string& id);

class PodmanRestore final : public EngineRestore {
  public:
    // `record`: of the checkpoint. `as`: its new name; empty: the one that it had. `made`: when the checkpoint was
    // made. Throws Error(Fault::restore_failed) where another container has the name, or its container runs or was
    // started since, or the storage alone has its id or name; Error(Fault::environment) where the image is missing.
    // Changes nothing.
    PodmanRestore(Engine engine, const ContainerRecord& record, std::string as,
                  std::chrono::system_clock::time_point made);
    PodmanRestore(const PodmanRestore&) = delete;
    PodmanRestore& operator=(const PodmanRestore&) = delete;
    ~PodmanRestore() override;

    [[nodiscard]] EngineCommand prepare(const SmallFiles& description, const std::string& external_descriptors,
                                        const std::filesystem::path& work) override;
    [[nodiscard]] std::string commit() override;

  private:
    [[nodiscard]] const std::string& name() const { return as_.empty() ? record_.name : as_; }
    void require_free() const;
    void warn_of_policy() const;

    Engine engine_;
    const ContainerRecord& record_;
    std::string as_;
    // Absent: it is made anew.
    std::optional<PodmanContainer> original_;
    // What the original has changed since.
    std::optional<ContentsAside> files_;
    bool prepared_ = false;
};

// What a cedana that was killed had podman begin, by what it noted in its work folder: a container that was to be made
// and does not run is removed, and one that was there gets its files back, and volumes what they held. `tree_ran`:
// CRIU had brought it back.
// `end_tree`: ends what CRIU had brought back as the container of this id, if it is there; called where podman knows
// nothing of it. Throws Error.
[[nodiscard]] FinishedContainer finish_killed_podman(const std::filesystem::path& work, bool tree_ran,
                                                     const std::function<void(const std::string& id)>& end_tree);

} // namespace cedana::containers
