// SPDX-License-Identifier: Apache-2.0
// A restore in the place of a runtime's `create`: an engine makes a container with its user's options, and an
// annotation of it names a checkpoint (run_as_runtime.hpp).
#pragma once

#include "cedana/containers/engine.hpp"
#include "cedana/containers/engine_restore.hpp"
#include "cedana/containers/one_shot.hpp"
#include "cedana/containers/runtime_call.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace cedana::containers {

inline constexpr const char* k_checkpoint_annotation = "cedana.checkpoint";

// What the runtime was told, and the first of three descriptors in a row that the container is to have as its standard
// ones. As one word of a command line.
struct CreateOrder {
    std::vector<std::string> words;
    int stdio = -1;
};
[[nodiscard]] std::string write_create_order(const CreateOrder& order);
// Throws Error(Fault::usage) for what is none.
[[nodiscard]] CreateOrder parse_create_order(std::string_view text);
// Of the container.
[[nodiscard]] std::string id_in(const CreateOrder& order);

// What a checkpoint's container had, and one that is made by this other config.json lacks: "/data", "a terminal". Pure.
// Throws Error(Fault::checkpoint).
[[nodiscard]] std::vector<std::string> missing_in(std::string_view specification, std::string_view had);

class CreatedRestore final : public EngineRestore {
  public:
    // `had`: the config.json of the checkpoint's container. Throws Error(Fault::restore_failed) where the new one lacks
    // what that had.
    CreatedRestore(Engine runtime, CreateOrder order, MadeByHook made_by_hook, std::string_view had);
    [[nodiscard]] EngineCommand prepare(const SmallFiles& description, const std::string& external_descriptors,
                                        const std::filesystem::path& work) override;
    // Marks it, so that its start finds it running.
    [[nodiscard]] std::string commit() override;

  private:
    Engine runtime_;
    CreateOrder order_;
    RuntimeCall call_;
    MadeByHook made_by_hook_;
};

} // namespace cedana::containers
