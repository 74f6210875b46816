// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/import_container.hpp"
#include "cedana/cli/commands.hpp"
#include "cedana/cli/output.hpp"
#include "cedana/cli/passphrase.hpp"
#include "cedana/cli/progress_json.hpp"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace cedana {

namespace {

struct ImportArguments {
    std::filesystem::path archive;
    std::optional<std::filesystem::path> folder;
    PassphraseArguments passphrase;
};

void run(const ImportArguments& arguments, const CommonArguments& common, const Interrupt& interrupt) {
    const LoadedConfig config = load_config_for(common);
    std::error_code ignored;
    require_place_of_caller(config, std::filesystem::absolute(arguments.archive, ignored).parent_path(),
                            "the archive's folder");
    if (const auto folder = arguments.folder.value_or(config.values.shared_storage_dump_storage_dir); !folder.empty())
        require_place_of_caller(config, folder, "the folder for checkpoints");
    const ImportRequest request{.archive = arguments.archive,
                                .folder = arguments.folder,
                                .config = config.values,
                                .caller = config.caller,
                                .passphrase = new_passphrase(arguments.passphrase, interrupt)};
    const ImportResult result = [&] {
        const auto progress = make_progress(common);
        return import_container(request, interrupt, *progress);
    }();
    if (common.format == Format::json)
        return print_json_result({{"checkpoint", result.checkpoint.string()},
                                  {"archive", result.archive.string()},
                                  {"name", result.name},
                                  {"bytes_archive", result.bytes}});
    print_result(result.checkpoint.string());
}

} // namespace

Command import_command() {
    const auto arguments = std::make_shared<ImportArguments>();
    std::vector<Option> options = {
        {.names = {"TAR"},
         .meaning = "what `podman container checkpoint --export TAR` has written",
         .target = &arguments->archive,
         .required = true,
         .complete = Complete::files},
        {.names = {"-d", "--dir"},
         .value = "DIR",
         .meaning = "folder for the checkpoint (default: shared_storage.dump_storage_dir, else /var/lib/cedana)",
         .target = &arguments->folder,
         .complete = Complete::folders}};
    std::ranges::move(passphrase_options(arguments->passphrase, PassphraseFor::encrypting),
                      std::back_inserter(options));
    return {.name = "import",
            .summary = "make podman's own checkpoint one of cedana's",
            .options = std::move(options),
            .examples = {"sudo cedana client import web.tar"},
            .run = [arguments](const CommonArguments& common, const Interrupt& interrupt) {
                run(*arguments, common, interrupt);
            }};
}

} // namespace cedana
