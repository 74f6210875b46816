// SPDX-License-Identifier: Apache-2.0
// What is between a restore and the runtime `cedana-runtime`, which an engine starts: a file for one container's id
// says where the restore works that this container is to come back by. It counts once. In /run/cedana/oci, which is
// root's alone; no variable of the environment has a say.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace cedana::containers {

// network: of a container whose network the engine makes by a hook of the runtime's, and not beforehand.
enum class MadeByHook { nothing, network };

struct OneShot {
    // Of the restore: a stand-in for criu listens there (stand_in.hpp).
    std::filesystem::path work;
    MadeByHook made_by_hook = MadeByHook::nothing;
};

// `id`: a plain name (runtime_state.hpp). Throw Error.
void write_one_shot(const std::string& id, const OneShot& shot);
// Removes the file. Absent: there is none.
[[nodiscard]] std::optional<OneShot> take_one_shot(const std::string& id);
// And the mark of the container, if it has one.
void remove_one_shot(const std::string& id);

// That the container was restored when it was to be made, so that it runs before it is started.
void mark_restored(const std::string& id);
// Removes the mark; whether there was one.
bool take_mark(const std::string& id);

} // namespace cedana::containers
