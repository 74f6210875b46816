// SPDX-License-Identifier: Apache-2.0
#include "cedana/cli/clean_up.hpp"

#include "cedana/base/text.hpp"
#include "cedana/cli/old_backups.hpp"
#include "cedana/cli/output.hpp"
#include "cedana/files/default_store.hpp"
#include "cedana/undo/clean.hpp"

#include <string_view>
#include <system_error>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

using Json = nlohmann::ordered_json;

Json to_json(const std::vector<CleanedItem>& items) {
    Json json = Json::array();
    for (const CleanedItem& item : items)
        json.push_back({{"kind", item.what}, {"name", item.name}, {"reason", text_or_null(item.why)}});
    return json;
}

void print_items(std::string_view outcome, const std::vector<CleanedItem>& items) {
    for (const CleanedItem& item : items)
        print_result(fmt::format("{:<8}{:<19} {}{}", outcome, item.what, printable(item.name),
                                 item.why.empty() ? "" : ": " + printable(item.why)));
}

} // namespace

void clean_up(const CleanUp& wanted, const CommonArguments& common) {
    const LoadedConfig config = load_config_for(common);
    CleanRequest request{.folders = wanted.folders, .look_for = LookFor::left_overs_and_locks};
    for (const std::string& folder :
         {config.values.shared_storage_dump_storage_dir, config.values.shared_storage_mount_point})
        if (!folder.empty())
            request.folders.emplace_back(folder);
    for (const std::filesystem::path& folder : request.folders)
        require_place_of_caller(config, folder, "the folder");
    // Root's, and nobody's choice.
    std::error_code ignored;
    if (config.values.shared_storage_dump_storage_dir.empty() && std::filesystem::exists(k_default_store, ignored))
        request.folders.emplace_back(k_default_store);
    const std::vector<Backup> backups = prune_backups(wanted.backups, config, Pruning::real);
    CleanResult result = clean(request);
    for (const Backup& one : backups)
        (one.why.empty() ? result.removed : result.kept)
            .push_back({.what = "backup", .name = one.path.string(), .why = one.why});
    if (common.format == Format::json) {
        print_json_result({{"removed", to_json(result.removed)}, {"kept", to_json(result.kept)}});
        return;
    }
    print_items("removed", result.removed);
    print_items("kept", result.kept);
}

} // namespace cedana
