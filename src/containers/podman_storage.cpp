// SPDX-License-Identifier: Apache-2.0
#include "cedana/containers/podman_storage.hpp"

#include "cedana/base/text.hpp"
#include "cedana/model/container.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <spdlog/fmt/fmt.h>

namespace cedana::containers {

std::optional<StoredContainer> stored_in(std::string_view listed, const std::string& id, const std::string& name) {
    for (const std::string& line : split(listed, '\n')) {
        const std::vector<std::string> fields = split(line, '\t');
        if (fields.size() != 4)
            continue;
        // Both words are podman's for what is in the storage alone (pkg/ps/ps.go, ListStorageContainer).
        const bool is_known = fields[1] != "Storage" && fields[1] != "storage";
        const std::vector<std::string> names = split(fields[2], ',');
        const bool has_name = !is_known && std::find(names.begin(), names.end(), name) != names.end();
        if ((!id.empty() && fields[0] == id) || has_name)
            return StoredContainer{
                .id = fields[0], .is_known = is_known, .is_of_others = !is_known && fields[3] != "storage"};
    }
    return std::nullopt;
}

// The filter spares it all containers that podman knows, and their locks; it does not hold for the others.
std::optional<StoredContainer> find_stored(const Engine& engine, const std::string& id, const std::string& name) {
    const std::string filter = id.empty() ? fmt::format("name=^{}$", name) : fmt::format("id={}", id);
    const std::string listed =
        ask(engine, {"ps", "--all", "--external", "--no-trunc", "--filter", filter, "--format", k_stored_format});
    return stored_in(listed, id, name);
}

std::optional<std::string> remove_stored(const Engine& engine, const std::string& id, const std::string& name) {
    const auto stored = find_stored(engine, id, name);
    if (!stored || stored->is_known || stored->is_of_others)
        return std::nullopt;
    static_cast<void>(ask(engine, {"rm", "--force", stored->id}));
    return stored->id;
}

Error left_in_storage(const StoredContainer& stored, const std::string& name) {
    const std::string id = short_id(stored.id);
    if (stored.is_of_others)
        return Error(Fault::restore_failed,
                     fmt::format("another program than podman has a container {} in podman's storage", printable(name)))
            .hint(fmt::format("pass --as with another name, or remove it by the program that has made it (podman ps "
                              "--all --external shows it, podman rm {} removes it)",
                              id));
    return Error(Fault::restore_failed, fmt::format("podman's storage has files of a container {} that podman knows "
                                                    "nothing of: a podman that was killed has left them",
                                                    printable(name)))
        .hint(fmt::format("remove them: podman rm {}", id));
}

} // namespace cedana::containers
