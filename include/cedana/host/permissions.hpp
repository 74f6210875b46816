// SPDX-License-Identifier: Apache-2.0
// What a dump and a restore believe: the programs that they run as root, and the places of checkpoints. All throw
// Error(Fault::permission), with owner, mode and the command that mends it, for what others can change
// (security.strict_permissions).
#pragma once

#include "cedana/model/caller.hpp"
#include "cedana/model/config.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace cedana {

// The CRIU of the configuration. It, the plug-ins that it loads, and every hook of the configuration can be changed by
// root alone, who runs them. Throws Error(Fault::environment) if there is none.
[[nodiscard]] std::string find_trusted_criu(const Config& config);

// A folder in which nobody but root and the caller can remove or rename a checkpoint. `what`: "the store".
void require_trusted_store(const Config& config, const Caller& caller, const std::filesystem::path& folder,
                           std::string_view what);

// Restoring runs what is in a checkpoint as root. Whoever could change it would be root by that: nobody but root may be
// able to, and the caller only if sudo lets them be root anyway.
void require_trusted_checkpoint(const Config& config, const Caller& caller, const std::filesystem::path& checkpoint);

// The same of any file or folder that root goes by, whoever has signed what lies beside it. `what`: "the state".
void require_as_roots(const Config& config, const Caller& caller, const std::filesystem::path& path,
                      std::string_view what);

} // namespace cedana
