// SPDX-License-Identifier: Apache-2.0
// What podman's storage has of containers beside what podman knows of them: a podman that is killed while it makes or
// removes one leaves its files there, and with them id and name, under which no other can be made (libpod/storage.go).
#pragma once

#include "cedana/base/error.hpp"
#include "cedana/containers/engine.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace cedana::containers {

struct StoredContainer {
    std::string id;
    // podman has it as a container; otherwise it is in the storage alone.
    bool is_known = false;
    // By a program other than podman, which has it as a container of its own (buildah).
    bool is_of_others = false;
};

// The container of this id (in full; none: any) or, in the storage alone, of this name. Throws Error.
[[nodiscard]] std::optional<StoredContainer> find_stored(const Engine& engine, const std::string& id,
                                                         const std::string& name);
// In what podman has listed for it, by k_stored_format.
[[nodiscard]] std::optional<StoredContainer> stored_in(std::string_view listed, const std::string& id,
                                                       const std::string& name);
inline constexpr const char* k_stored_format = "{{.ID}}\t{{.State}}\t{{.Names}}\t{{.Command}}";

// Removes what the storage alone has under this id or name, which must be of a podman that was told to make it: nothing
// had either before. Returns the id of what it has removed. Throws Error.
std::optional<std::string> remove_stored(const Engine& engine, const std::string& id, const std::string& name);

// The storage alone has it: what to do about it.
[[nodiscard]] Error left_in_storage(const StoredContainer& stored, const std::string& name);

} // namespace cedana::containers
