// SPDX-License-Identifier: Apache-2.0
// The programs by which containers are run, and how they are asked. An engine (podman, docker, containerd) knows a
// container's name, image and networks, and has a runtime (runc) make it; a runtime can also be used by itself.
#pragma once

#include "cedana/base/child_process.hpp"
#include "cedana/model/config.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cedana::containers {

enum class EngineKind { podman, docker, containerd, runc, crun };

// "podman"
[[nodiscard]] std::string_view name_of(EngineKind kind);
// Throws Error(Fault::usage) for another name.
[[nodiscard]] EngineKind parse_engine(std::string_view name);

struct Engine {
    EngineKind kind = EngineKind::podman;
    std::string program;

    [[nodiscard]] std::string_view name() const { return name_of(kind); }
    // Its command line, for a hint.
    [[nodiscard]] std::string command(std::string_view words) const;
};

// A runtime by itself, which knows no images and starts nothing anew.
[[nodiscard]] bool is_runtime(EngineKind kind);
// It restores by a daemon of its own, which goes on without the command that asks it.
[[nodiscard]] bool has_daemon(EngineKind kind);

// Those that are installed, engines before runtimes; containerd where its socket is. Throws Error(Fault::permission)
// for one that others than root can change, unless security.strict_permissions is off.
[[nodiscard]] std::vector<Engine> installed_engines(const Config& config);
// Throws the same, and Error(Fault::environment) where it is not installed.
[[nodiscard]] Engine require_engine(EngineKind kind, const Config& config);

inline constexpr auto k_engine_limit = std::chrono::seconds(60);

// What it printed, once it has ended. Throws Error(Fault::environment) with what it said if that does not work.
[[nodiscard]] std::string ask(const Engine& engine, std::vector<std::string> words,
                              std::chrono::milliseconds limit = k_engine_limit);
// Begins it, in a session of its own; what it prints is lost.
[[nodiscard]] ChildProcess start(const Engine& engine, std::vector<std::string> words);
// As ask(), but absent if it fails. Throws Error where a signal has ended it.
[[nodiscard]] std::optional<std::string> try_to_ask(const Engine& engine, std::vector<std::string> words);

// What it printed of what it may have, which is the last word: a container, an image, a volume. Absent: it says that
// there is none. Throws Error(Fault::environment) where it does not say so, as a daemon that does not run: that is no
// "no". A runtime that fails has said no.
[[nodiscard]] std::optional<std::string> ask_for(const Engine& engine, std::vector<std::string> words);

// The environment of this process with `first` before all else in PATH.
[[nodiscard]] std::vector<std::string> environment_with_path(const std::string& first);

} // namespace cedana::containers
