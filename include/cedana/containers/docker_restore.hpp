// SPDX-License-Identifier: Apache-2.0
// How docker is told to take a container back. It starts the container, and its runtime, which is cedana
// (run_as_runtime.hpp), brings the tree back where it was to be made. A container that is still there, has ended and
// has that runtime is started as it is: its log goes on. Any other is made anew from what docker has said of it; one
// that has ended and has the name steps aside until the new one runs.
#pragma once

#include "cedana/containers/engine.hpp"
#include "cedana/containers/engine_restore.hpp"
#include "cedana/containers/replaced_files.hpp"
#include "cedana/model/container.hpp"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

namespace cedana::containers {

// A container as docker has it now.
struct DockerContainer {
    std::string id;
    std::string status;
    std::string runtime;
    // Of its overlay; empty where docker does not say it.
    std::filesystem::path upper;
    std::chrono::system_clock::time_point started;
};
[[nodiscard]] std::optional<DockerContainer> find_in_docker(const Engine& engine, const std::string& name);

// Whether docker knows the runtime by which containers come back.
[[nodiscard]] bool has_own_runtime(const Engine& engine);

class DockerRestore final : public EngineRestore {
  public:
    // `inspection`: what docker has said of it. `as`: its new name; empty: the one that it had. `made`: when the
    // checkpoint was made. Throws Error(Fault::restore_failed) where another container has the name, its own runs or
    // was started since, or a volume or a network is missing; Error(Fault::environment) where the image is missing or
    // docker does not know the runtime. Changes nothing.
    DockerRestore(Engine engine, const ContainerRecord& record, std::string as,
                  std::chrono::system_clock::time_point made, std::string inspection);
    DockerRestore(const DockerRestore&) = delete;
    DockerRestore& operator=(const DockerRestore&) = delete;
    ~DockerRestore() override;

    [[nodiscard]] EngineCommand prepare(const SmallFiles& description, const std::string& external_descriptors,
                                        const std::filesystem::path& work) override;
    [[nodiscard]] std::string commit() override;

  private:
    [[nodiscard]] const std::string& name() const { return as_.empty() ? record_.name : as_; }
    [[nodiscard]] bool is_in_place() const;
    // Its id.
    [[nodiscard]] std::string make() const;
    void replace_files(const std::filesystem::path& work);

    Engine engine_;
    const ContainerRecord& record_;
    std::string as_;
    std::string inspection_;
    // Absent: there is none of the name.
    std::optional<DockerContainer> original_;
    // That which comes back, once it is prepared.
    std::string id_;
    // What the original has changed since; of one that comes back in place.
    std::optional<ReplacedFiles> files_;
    bool prepared_ = false;
};

// What a cedana that was killed had docker begin, by what it noted in its work folder: a container that was to be made
// and does not run is removed, what stepped aside for it gets its name back, one that was there its files, and volumes
// what they held. `tree_ran`: CRIU had brought it back. Throws Error.
[[nodiscard]] FinishedContainer finish_killed_docker(const std::filesystem::path& work, bool tree_ran);

} // namespace cedana::containers
