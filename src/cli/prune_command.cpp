// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/text.hpp"
#include "cedana/base/time_text.hpp"
#include "cedana/cli/commands.hpp"
#include "cedana/cli/old_backups.hpp"
#include "cedana/cli/output.hpp"
#include "cedana/store/prune.hpp"

#include <memory>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

using Json = nlohmann::ordered_json;

struct PruneArguments {
    std::optional<std::filesystem::path> store;
    std::string keep_last;
    std::string keep_days;
    std::string backups;
    bool dry_run = false;
};

// `spared`: why it stays; empty: it does not.
std::string outcome(const std::string& spared, Pruning pruning) {
    return !spared.empty() ? "stays: " + spared : pruning == Pruning::real ? "removed" : "would be removed";
}

Json to_json(const PruneResult& result, Pruning pruning) {
    Json list = Json::array();
    for (const PrunedCheckpoint& one : result.surplus)
        list.push_back({{"checkpoint", one.entry.path.string()},
                        {"name", one.entry.summary->name},
                        {"created", utc_iso(one.entry.when)},
                        {"bytes_archive", one.entry.bytes},
                        {"removed", one.spared.empty() && pruning == Pruning::real},
                        {"reason", text_or_null(one.spared)}});
    return {{"dry_run", pruning == Pruning::dry_run},
            {"surplus", list},
            {"kept_count", result.kept},
            {"untrusted_count", result.untrusted},
            {"bytes_removed", result.bytes_removed}};
}

void print(const PruneResult& result, Pruning pruning) {
    if (result.surplus.empty())
        return;
    Table table({{.title = "CHECKPOINT"},
                 {.title = "PROGRAM", .rank = 2},
                 {.title = "AGE", .align = Align::right, .rank = 1},
                 {.title = "SIZE", .align = Align::right},
                 {.title = "", .elastic = true}});
    const auto now = std::chrono::system_clock::now();
    for (const PrunedCheckpoint& one : result.surplus)
        table.add({printable(one.entry.path.filename().string()), printable(one.entry.summary->name),
                   human_age(std::chrono::duration_cast<std::chrono::seconds>(now - one.entry.when)),
                   human_bytes(one.entry.bytes), printable(outcome(one.spared, pruning))});
    print_result(table_text(table));
}

void print(const std::vector<Backup>& backups, Pruning pruning) {
    if (backups.empty())
        return;
    Table table({{.title = "BACKUP"},
                 {.title = "AGE", .align = Align::right, .rank = 1},
                 {.title = "SIZE", .align = Align::right},
                 {.title = "", .elastic = true}});
    const auto now = std::chrono::system_clock::now();
    for (const Backup& one : backups)
        table.add({printable(one.path.string()),
                   human_age(std::chrono::duration_cast<std::chrono::seconds>(now - one.made)), human_bytes(one.bytes),
                   printable(outcome(one.why, pruning))});
    print_result(table_text(table));
}

void run(const PruneArguments& arguments, const CommonArguments& common, const Interrupt& interrupt) {
    LoadedConfig config = load_config_for(common);
    if (!arguments.keep_last.empty())
        config.set_from_flag("shared_storage.keep_last", "--keep-last", arguments.keep_last);
    if (!arguments.keep_days.empty())
        config.set_from_flag("shared_storage.keep_days", "--keep-days", arguments.keep_days);
    const Pruning pruning = arguments.dry_run ? Pruning::dry_run : Pruning::real;
    const std::filesystem::path store = find_store(arguments.store, config.values);
    if (pruning == Pruning::real)
        require_place_of_caller(config, store, "the store");
    const RetentionRules rules{.keep_last = config.values.shared_storage_keep_last,
                               .keep_days = config.values.shared_storage_keep_days};
    const std::vector<Backup> backups = prune_backups(arguments.backups, config, pruning);
    // Who asks for backups alone needs no rule.
    PruneResult result;
    if (rules.any() || arguments.backups.empty())
        result =
            prune({.store = store, .rules = rules, .keyring = Keyring(config.values), .pruning = pruning}, interrupt);
    if (common.format == Format::json) {
        Json json = to_json(result, pruning);
        json["backups"] = to_json(backups, pruning);
        return print_json_result(json);
    }
    print(result, pruning);
    print(backups, pruning);
    if (rules.any())
        common.say(fmt::format("{} {}, {} kept by the rules", human_bytes(result.bytes_removed),
                               arguments.dry_run ? "would be freed" : "freed", result.kept));
    if (!arguments.backups.empty() && backups.empty())
        common.say("no backup is that old");
    if (result.untrusted != 0)
        common.say(fmt::format("{} that no trusted key signed: not touched", result.untrusted));
}

} // namespace

Command prune_command() {
    const auto arguments = std::make_shared<PruneArguments>();
    return {.name = "prune",
            .summary = "remove checkpoints that no rule of retention keeps",
            .options = {store_argument(arguments->store),
                        dir_option(arguments->store),
                        {.names = {"--keep-last"},
                         .value = "N",
                         .meaning = "keep the newest N of each program",
                         .target = &arguments->keep_last},
                        {.names = {"--keep-days"},
                         .value = "N",
                         .meaning = "keep those younger than N days",
                         .target = &arguments->keep_days},
                        backups_option(arguments->backups),
                        {.names = {"--dry-run"},
                         .meaning = "say what would be removed; remove nothing",
                         .target = &arguments->dry_run}},
            .examples = {"sudo cedana client prune /var/checkpoints --keep-last 5 --dry-run",
                         "sudo cedana client prune --backups 30d"},
            .run = [arguments](const CommonArguments& common, const Interrupt& interrupt) {
                run(*arguments, common, interrupt);
            }};
}

} // namespace cedana
