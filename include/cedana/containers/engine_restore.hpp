// SPDX-License-Identifier: Apache-2.0
// How an engine, or a runtime by itself, is told to take a container back. What is made for that and not committed is
// taken back.
#pragma once

#include "cedana/base/error.hpp"
#include "cedana/containers/engine.hpp"
#include "cedana/containers/runtime_restore.hpp"
#include "cedana/containers/small_tar.hpp"
#include "cedana/model/container.hpp"

#include <chrono>
#include <exception>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>

namespace cedana::containers {

class EngineRestore {
  public:
    EngineRestore() = default;
    EngineRestore(const EngineRestore&) = delete;
    EngineRestore& operator=(const EngineRestore&) = delete;
    // Takes back what prepare() has made, and the container that the engine has made, unless commit() was called.
    virtual ~EngineRestore() = default;

    // `description`: what the engine has said of it. `work`: the work folder, in which what is made is noted first.
    // What the engine is to do then; restore_by_runtime() does it. Throws Error.
    [[nodiscard]] virtual EngineCommand prepare(const SmallFiles& description, const std::string& external_descriptors,
                                                const std::filesystem::path& work) = 0;
    // It runs: its id. Throws Error where the engine does not know it.
    [[nodiscard]] virtual std::string commit() = 0;

    // Called by the destructor, once or more, where the engine does not take back what there is: what was noted in
    // `work` is for whoever cleans up later, and the tree, if it is there, is in nobody's hands.
    void when_left(std::function<void()> left) { left_ = std::move(left); }

  protected:
    // Tells of it, too. `what`: "what podman has begun of container web"
    void leave(const std::string& what, const std::exception& why) const;

  private:
    std::function<void()> left_;
};

// A container of the name that is asked for, as its engine has it now.
struct ContainerThere {
    std::string id;
    std::string status;
    std::chrono::system_clock::time_point started;
};
// Throws Error(Fault::restore_failed) unless it is that of the checkpoint, has ended, and was not started since `made`.
void require_usable(const Engine& engine, const ContainerThere& there, const ContainerRecord& record,
                    const std::string& name, std::chrono::system_clock::time_point made);

// What to throw where the engine does not have the container's image.
[[nodiscard]] Error missing_image(const Engine& engine, const ContainerRecord& record);

// The folder of images that a runtime is told of: all that it reads there is what its container's descriptors led to.
// Throws Error.
[[nodiscard]] std::filesystem::path make_runtime_images(const std::filesystem::path& work,
                                                        const std::string& external_descriptors);

} // namespace cedana::containers
