// SPDX-License-Identifier: Apache-2.0
// `cedana client rm`: what is removed is the very file that was opened as a checkpoint.
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/checkpoint/reader.hpp"
#include "cedana/cli/commands.hpp"
#include "cedana/cli/consent.hpp"
#include "cedana/cli/output.hpp"
#include "cedana/cli/passphrase.hpp"
#include "cedana/files/verified_file.hpp"
#include "cedana/migration/record.hpp"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <memory>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

using Json = nlohmann::ordered_json;

struct RemoveArguments {
    std::vector<std::string> checkpoints;
    PickArguments pick;
    bool yes = false;
    PassphraseArguments passphrase;
};

// Open until it is removed.
struct Doomed {
    std::filesystem::path path;
    std::unique_ptr<Checkpoint> checkpoint;
    std::uint64_t bytes = 0;
};

std::vector<Doomed> find_all(const RemoveArguments& arguments, const LoadedConfig& config, const Interrupt& interrupt) {
    const Keyring keyring = keyring_of(config.values, arguments.passphrase, interrupt);
    std::vector<Doomed> found;
    std::set<std::filesystem::path> seen;
    for (const std::string& wanted : arguments.checkpoints) {
        const auto path = pick_checkpoint(wanted, config.values, keyring, interrupt, rules_of(arguments.pick));
        require_place_of_caller(config, std::filesystem::absolute(path).parent_path(), "the folder");
        auto checkpoint = std::make_unique<Checkpoint>(path, keyring);
        std::error_code ignored;
        if (!seen.insert(std::filesystem::canonical(path, ignored)).second)
            continue;
        found.push_back(
            {.path = path, .checkpoint = std::move(checkpoint), .bytes = std::filesystem::file_size(path, ignored)});
    }
    return found;
}

std::string line_of(const Doomed& one) {
    const Manifest& manifest = one.checkpoint->manifest();
    return fmt::format("{} ({}, pid {}, {}{})", printable(one.path.string()), printable(manifest.name),
                       manifest.tree.front().pid, human_bytes(one.bytes),
                       manifest.leave_running ? "" : "; its process was ended with it");
}

std::string question_for(const std::vector<Doomed>& all) {
    if (all.size() == 1)
        return fmt::format("remove {}?", line_of(all.front()));
    std::string lines;
    for (const Doomed& one : all)
        lines += line_of(one) + "\n";
    return fmt::format("{}remove these {} checkpoints?", lines, all.size());
}

Json to_json(const Doomed& one) {
    return {{"checkpoint", one.path.string()},
            {"name", one.checkpoint->manifest().name},
            {"created", one.checkpoint->manifest().created},
            {"bytes_archive", one.bytes}};
}

void run(const RemoveArguments& arguments, const CommonArguments& common, const Interrupt& interrupt) {
    const LoadedConfig config = load_config_for(common);
    const std::vector<Doomed> all = find_all(arguments, config, interrupt);
    if (!arguments.yes)
        require_consent(question_for(all), interrupt);
    Json result = {{"checkpoints", Json::array()}, {"bytes_removed", 0}};
    std::uint64_t bytes = 0;
    for (const Doomed& one : all) {
        if (!VerifiedFile(one.path, one.checkpoint->zip().fd()).remove())
            throw Error(Fault::storage, fmt::format("{} is another file by now", printable(one.path.string())));
        migration::remove_commit(one.path);
        sync_folder(std::filesystem::absolute(one.path).parent_path());
        bytes += one.bytes;
        result["checkpoints"].push_back(to_json(one));
        if (common.format == Format::text)
            print_result(printable(one.path.string()));
    }
    result["bytes_removed"] = bytes;
    if (common.format == Format::json)
        return print_json_result(result);
    common.say(fmt::format("{} freed", human_bytes(bytes)));
}

} // namespace

Command remove_command() {
    const auto arguments = std::make_shared<RemoveArguments>();
    std::vector<Option> options = {
        {.names = {"CHECKPOINT"},
         .meaning = "paths; or `latest`, a name or a pid, for the newest of these in the store",
         .target = &arguments->checkpoints,
         .required = true,
         .complete = Complete::checkpoints_or_latest},
        {.names = {"-y", "--yes"}, .meaning = "remove without asking on the terminal", .target = &arguments->yes}};
    std::ranges::move(pick_options(arguments->pick), std::back_inserter(options));
    std::ranges::move(passphrase_options(arguments->passphrase, PassphraseFor::decrypting),
                      std::back_inserter(options));
    return {.name = "rm",
            .summary = "remove checkpoints by path or name, after asking",
            .options = std::move(options),
            .examples = {"sudo cedana client rm train.py"},
            .run = [arguments](const CommonArguments& common, const Interrupt& interrupt) {
                run(*arguments, common, interrupt);
            }};
}

} // namespace cedana
