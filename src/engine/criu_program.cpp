// SPDX-License-Identifier: Apache-2.0
#include "cedana/engine/criu_program.hpp"

#include "cedana/base/state_folder.hpp"
#include "cedana/criu/environment.hpp"
#include "cedana/host/permissions.hpp"

#include <utility>

namespace cedana {

CriuProgram require_criu(const Config& config) {
    std::string path = find_trusted_criu(config);
    const auto state = own_state_folder();
    std::string version = state ? criu::require_version(path, *state / "criu-version") : criu::require_version(path);
    return {.path = std::move(path), .version = std::move(version)};
}

} // namespace cedana
