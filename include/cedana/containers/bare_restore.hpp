// SPDX-License-Identifier: Apache-2.0
// How a runtime that is used by itself (runc, crun) is told to take a container back: out of the bundle that it was
// made from, which is on this host. Its files are its user's and in no checkpoint.
#pragma once

#include "cedana/containers/engine.hpp"
#include "cedana/containers/engine_restore.hpp"
#include "cedana/model/config.hpp"
#include "cedana/model/container.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace cedana::containers {

// The bundle out of what a runtime's `state` says; empty where that says none. Pure. Throws Error(Fault::checkpoint).
[[nodiscard]] std::string bundle_in_state(std::string_view state);

// What was said of it when the checkpoint was made.
struct BareTexts {
    // By `runc state`.
    std::string state;
    // The bundle's config.json; empty where it was not found.
    std::string specification;
};

class BareRestore final : public EngineRestore {
  public:
    // `engine`: runc, whatever runtime it had. `as`: its new name; empty: the one that it had. Throws
    // Error(Fault::restore_failed) where the bundle is missing or has another config.json, or a container of the name
    // is there and has not ended; Error(Fault::permission) for a bundle that others than root can change. Changes
    // nothing.
    BareRestore(Engine engine, const ContainerRecord& record, const std::string& as, const BareTexts& texts,
                const Config& config);
    BareRestore(const BareRestore&) = delete;
    BareRestore& operator=(const BareRestore&) = delete;
    ~BareRestore() override;

    // A container of the name that has ended is deleted first.
    [[nodiscard]] EngineCommand prepare(const SmallFiles& description, const std::string& external_descriptors,
                                        const std::filesystem::path& work) override;
    [[nodiscard]] std::string commit() override;

  private:
    Engine engine_;
    std::string name_;
    std::filesystem::path bundle_;
    bool has_ended_one_ = false;
    // Of another runtime, which had it before and still knows it as one that has ended.
    std::optional<Engine> former_;
    bool prepared_ = false;
};

// Whether an output of the container led to a pipe of others: the runtime joins its own to it then.
[[nodiscard]] bool had_pipes(std::string_view external_descriptors);

} // namespace cedana::containers
