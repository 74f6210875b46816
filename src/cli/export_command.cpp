// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/export_container.hpp"
#include "cedana/base/text.hpp"
#include "cedana/cli/commands.hpp"
#include "cedana/cli/output.hpp"
#include "cedana/cli/passphrase.hpp"
#include "cedana/cli/progress_json.hpp"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace cedana {

namespace {

struct ExportArguments {
    std::string checkpoint;
    std::filesystem::path archive;
    bool force = false;
    PickArguments pick;
    PassphraseArguments passphrase;
};

void run(const ExportArguments& arguments, const CommonArguments& common, const Interrupt& interrupt) {
    const LoadedConfig config = load_config_for(common);
    std::error_code ignored;
    require_place_of_caller(config, std::filesystem::absolute(arguments.archive, ignored).parent_path(),
                            "the archive's folder");
    const Keyring keyring = keyring_of(config.values, arguments.passphrase, interrupt);
    const ExportRequest request{.checkpoint = pick_checkpoint(arguments.checkpoint, config.values, keyring, interrupt,
                                                              rules_of(arguments.pick)),
                                .archive = arguments.archive,
                                .overwrites = arguments.force,
                                .config = config.values,
                                .keyring = keyring};
    const ExportResult result = [&] {
        const auto progress = make_progress(common);
        return export_container(request, interrupt, *progress);
    }();
    if (common.format == Format::json)
        return print_json_result({{"checkpoint", result.checkpoint.string()},
                                  {"archive", result.archive.string()},
                                  {"name", result.name},
                                  {"bytes_archive", result.bytes}});
    print_result(result.archive.string());
}

} // namespace

Command export_command() {
    const auto arguments = std::make_shared<ExportArguments>();
    std::vector<Option> options = {
        {.names = {"CHECKPOINT"},
         .meaning = "of a container of podman's: a path; or `latest`, a name or a pid, for "
                    "the newest of these in the store",
         .target = &arguments->checkpoint,
         .required = true,
         .complete = Complete::checkpoints_or_latest},
        {.names = {"TAR"},
         .meaning = "file to write: `podman container restore --import TAR` needs no cedana",
         .target = &arguments->archive,
         .required = true,
         .complete = Complete::files},
        {.names = {"--force"}, .meaning = "overwrite a TAR that is there already", .target = &arguments->force}};
    std::ranges::move(pick_options(arguments->pick), std::back_inserter(options));
    std::ranges::move(passphrase_options(arguments->passphrase, PassphraseFor::decrypting),
                      std::back_inserter(options));
    return {.name = "export",
            .summary = "write a checkpoint of a container as podman's own",
            .options = std::move(options),
            .examples = {"sudo cedana client export web_20261129T160016Z.zip web.tar"},
            .run = [arguments](const CommonArguments& common, const Interrupt& interrupt) {
                run(*arguments, common, interrupt);
            }};
}

} // namespace cedana
