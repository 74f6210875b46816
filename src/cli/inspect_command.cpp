// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/checkpoint/inspect.hpp"
#include "cedana/cli/commands.hpp"
#include "cedana/cli/inspection.hpp"
#include "cedana/cli/output.hpp"
#include "cedana/cli/passphrase.hpp"
#include "cedana/model/callers_place.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

#include <fcntl.h>

namespace cedana {

namespace {

struct InspectArguments {
    std::filesystem::path checkpoint;
    std::optional<std::filesystem::path> other;
    std::optional<std::filesystem::path> html;
    Sections sections;
    PassphraseArguments passphrase;
};

struct SectionFlag {
    Section section;
    const char* flag;
    const char* meaning;
};

constexpr std::array k_flags = {
    SectionFlag{Section::tree, "--tree", "its processes with their command lines"},
    SectionFlag{Section::memory, "--memory", "memory by process and kind"},
    SectionFlag{Section::files, "--files", "files that it writes to, what it has open, and files that it needs"},
    SectionFlag{Section::sockets, "--sockets", "its sockets with their peers"},
    SectionFlag{Section::images, "--images", "the size of each image, and how far it was compressed"},
    SectionFlag{Section::timing, "--timing", "how long each phase of the dump took"},
    SectionFlag{Section::maps, "--maps", "memory maps, and where each thread stood, decoded from the images"},
};

// Mode 0600, like the checkpoint: command lines hold secrets too.
void write_page(const std::filesystem::path& path, const std::string& page) {
    UniqueFd file = open_for(caller_from_system(), path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    write_all(file.get(), page, path);
    close_checked(std::move(file), path);
}

void run(const InspectArguments& arguments, const CommonArguments& common, const Interrupt& interrupt) {
    const Keyring keyring = keyring_of(load_config_for(common).values, arguments.passphrase, interrupt);
    const Depth depth = arguments.sections.contains(Section::maps) ? Depth::memory_maps : Depth::manifest;
    const Inspection inspection = inspect(arguments.checkpoint, keyring, depth);
    if (arguments.html) {
        write_page(*arguments.html,
                   arguments.other ? html_page(inspection, inspect(*arguments.other, keyring)) : html_page(inspection));
        if (common.format == Format::json)
            return print_json({{"checkpoint", inspection.path.string()}, {"page", arguments.html->string()}});
        return print_line(arguments.html->string());
    }
    if (arguments.other) {
        const Inspection other = inspect(*arguments.other, keyring);
        if (common.format == Format::json)
            print_json(to_json(compare(inspection.manifest, other.manifest)));
        else
            print_comparison(inspection, other);
        return;
    }
    if (common.format == Format::json)
        print_json(to_json(inspection, arguments.sections));
    else
        print_inspection(inspection, arguments.sections);
}

} // namespace

Command inspect_command() {
    const auto arguments = std::make_shared<InspectArguments>();
    std::vector<Option> options = {{.names = {"ZIP"},
                                    .meaning = "the checkpoint",
                                    .target = &arguments->checkpoint,
                                    .required = true,
                                    .complete = Complete::checkpoints},
                                   {.names = {"LATER"},
                                    .meaning = "another one: what changed from ZIP to this one",
                                    .target = &arguments->other,
                                    .complete = Complete::checkpoints},
                                   {.names = {"--html"},
                                    .value = "FILE",
                                    .meaning = "write one self-contained page to FILE",
                                    .target = &arguments->html,
                                    .complete = Complete::files}};
    for (const SectionFlag& one : k_flags)
        options.push_back({.names = {one.flag}, .meaning = one.meaning, .target = [arguments, section = one.section] {
                               arguments->sections.insert(section);
                           }});
    std::ranges::move(passphrase_options(arguments->passphrase, PassphraseFor::decrypting),
                      std::back_inserter(options));
    return {.name = "inspect",
            .summary = "what is in a checkpoint, or what changed between two",
            .options = std::move(options),
            .examples = {"sudo cedana client inspect redis-server_20261122T164510Z.zip --memory --files",
                         "sudo cedana client inspect before.zip after.zip"},
            .run = [arguments](const CommonArguments& common, const Interrupt& interrupt) {
                run(*arguments, common, interrupt);
            }};
}

} // namespace cedana
