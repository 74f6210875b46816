// SPDX-License-Identifier: Apache-2.0
#include "cedana/host/permissions.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/trusted_path.hpp"
#include "cedana/criu/environment.hpp"
#include "cedana/criu/plugins.hpp"
#include "cedana/model/callers_place.hpp"
#include "cedana/model/config_file.hpp"

#include <system_error>
#include <utility>

#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

void require_trusted_hooks(const Config& config) {
    const std::pair<const char*, const std::string&> hooks[] = {
        {"action_scripts.pre_dump", config.action_scripts_pre_dump},
        {"action_scripts.post_dump", config.action_scripts_post_dump},
        {"action_scripts.pre_restore", config.action_scripts_pre_restore},
        {"action_scripts.post_restore", config.action_scripts_post_restore}};
    for (const auto& [setting, program] : hooks)
        // One whose path is relative is refused where it would run.
        if (fs::path(program).is_absolute())
            require_trusted(program, setting);
}

void require_trusted_plugins(const Config& config) {
    for (const fs::path& folder : criu::plugin_folders(config.criu_extra_args)) {
        require_trusted(folder, "the folder of CRIU's plug-ins");
        std::error_code ignored;
        for (const auto& entry : fs::directory_iterator(folder, ignored))
            if (entry.path().extension() == ".so")
                require_trusted(entry.path(), "CRIU's plug-in");
    }
}

// Where no command mends it, as on a file server that knows nothing of root.
Error with_way_out(Error error) {
    return error.hint().empty() ? error.hint("keep checkpoints where root alone can write; see docs/security.md")
                                : error;
}

} // namespace

std::string find_trusted_criu(const Config& config) {
    std::string criu = criu::find_program(config.criu_path);
    if (config.security_strict_permissions) {
        require_trusted(criu, "CRIU");
        require_trusted_plugins(config);
        require_trusted_hooks(config);
    }
    return criu;
}

void require_trusted_store(const Config& config, const Caller& caller, const fs::path& folder, std::string_view what) {
    if (!config.security_strict_permissions)
        return;
    if (const auto exposure = look_at_path(folder, root_and(caller), Last::names_of_others).exposure)
        throw with_way_out(exposed(*exposure, folder, what));
}

void require_trusted_checkpoint(const Config& config, const Caller& caller, const fs::path& checkpoint) {
    // What a trusted key has signed is as it was signed, wherever it lies: each part is compared before it is used.
    if (config.security_trusted_keys.empty())
        require_as_roots(config, caller, checkpoint, "the checkpoint");
}

void require_as_roots(const Config& config, const Caller& caller, const fs::path& path, std::string_view what) {
    if (!config.security_strict_permissions)
        return;
    if (const auto exposure = look_at_path(path, root_and(caller)).exposure)
        throw with_way_out(exposed(*exposure, path, what));
    if (!look_at_path(path, root_alone()).exposure || may_become_root(caller))
        return;
    throw Error(Fault::permission, fmt::format("{} {} is refused, since user {} can change it, and what it holds runs "
                                               "as root",
                                               what, printable(path.string()), printable(caller.name)))
        .hint(fmt::format("use a folder in which root alone can write, such as one that {} names as "
                          "shared_storage.dump_storage_dir",
                          k_system_config_file));
}

} // namespace cedana
