// SPDX-License-Identifier: Apache-2.0
// A container that runs, found by what its engine calls it: what the engine says of it, what the runtime keeps of it,
// and which process it is. Asks and reads; changes nothing.
#pragma once

#include "cedana/containers/engine.hpp"
#include "cedana/containers/runtime_state.hpp"
#include "cedana/model/config.hpp"
#include "cedana/model/container.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace cedana::containers {

struct Container {
    Engine engine;
    ContainerRecord record;
    RuntimeState state;
    // What the engine said of it, and the bundle's config.json, as text; the second may be empty.
    std::string inspection;
    std::string specification;

    // "podman container web"
    [[nodiscard]] std::string text() const;
};

// `engine`: the one to ask; absent: all that are installed. Throws Error(Fault::no_process) where none or more than one
// knows it, and where it does not run; Error(Fault::dump_failed) for one that is of a kind that cannot be dumped.
[[nodiscard]] Container find_container(const std::string& name, std::optional<EngineKind> engine, const Config& config);

// What an engine says of one container (`podman inspect`, `docker inspect`), as the first of a JSON array.
struct Inspection {
    ContainerRecord record;
    pid_t pid = 0;
    // "running", "paused", "exited"
    std::string status;
    // Whose network it has in common: "container:ID"; empty: its own, or the host's.
    std::string shared_network = {};
    // Of a pod; empty: none.
    std::string pod = {};
};
// Pure. Throws Error(Fault::environment) for what is none.
[[nodiscard]] Inspection parse_inspection(EngineKind engine, std::string_view text);

// What its engine is told so that it ends the container, and does not start it anew.
[[nodiscard]] std::vector<std::string> ending_words(const Container& container);

struct NamedContainer {
    std::string name;
    // "podman container web"
    std::string text;
};

// The container whose main process this is; absent: none, or its engine does not answer. Asks engines only where the
// control group of the process says that it is in a container.
[[nodiscard]] std::optional<NamedContainer> find_container_of(pid_t pid, const Config& config);

// The id in a control group's path that engines give to their containers: 64 digits; empty: none. Pure.
[[nodiscard]] std::string container_id_in(std::string_view cgroups);

} // namespace cedana::containers
