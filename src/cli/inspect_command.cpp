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
#include <system_error>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cedana {

namespace {

struct InspectArguments {
    std::string checkpoint;
    std::optional<std::string> other;
    PickArguments pick;
    std::optional<std::filesystem::path> html;
    bool force = false;
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

constexpr const char* k_standard_output = "-";

// That a path leads nowhere is no fault of cedana's.
UniqueFd open_existing(const Caller& caller, const std::filesystem::path& path) {
    try {
        return open_for(caller, path, O_WRONLY, 0600);
    } catch (const Error& error) {
        if (error.fault() != Fault::internal)
            throw;
        std::error_code ignored;
        const auto folder = std::filesystem::absolute(path, ignored).parent_path();
        throw Error(Fault::storage, error.message())
            .hint(std::filesystem::exists(folder, ignored) ? "name another file"
                                                           : fmt::format("mkdir -p {}", shell_word(folder.string())));
    }
}

// Nothing that lies there is overwritten unless that is asked for. Mode 0600, like the checkpoint: command lines hold
// secrets too. What the user may not write is not told from what is not there.
UniqueFd open_page(const std::filesystem::path& path, bool overwrites) {
    const Caller caller = caller_from_system();
    try {
        return open_for(caller, path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    } catch (const Error& error) {
        if (error.fault() == Fault::permission)
            throw;
    }
    UniqueFd file = open_existing(caller, path);
    struct ::stat info {};
    if (::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode))
        return file;
    if (!overwrites)
        throw Error(Fault::usage, fmt::format("{} is there already", printable(path.string())))
            .hint("name another file, or pass --force to overwrite it");
    if (::ftruncate(file.get(), 0) != 0)
        throw OsFailure(Fault::storage).error("cannot empty {}", printable(path.string()));
    return file;
}

void write_page(const std::filesystem::path& path, const std::string& page, bool overwrites) {
    UniqueFd file = open_page(path, overwrites);
    write_all(file.get(), page, path);
    close_checked(std::move(file), path);
}

void give_page(const std::filesystem::path& checkpoint, const std::string& page, const InspectArguments& arguments,
               Format format) {
    if (*arguments.html == k_standard_output)
        return print_line(std::string_view(page).substr(0, page.size() - (page.ends_with('\n') ? 1 : 0)));
    write_page(*arguments.html, page, arguments.force);
    if (format == Format::json)
        return print_json({{"checkpoint", checkpoint.string()}, {"page", arguments.html->string()}});
    print_line(arguments.html->string());
}

void run(const InspectArguments& arguments, const CommonArguments& common, const Interrupt& interrupt) {
    if (arguments.html && *arguments.html == k_standard_output && common.format == Format::json)
        throw Error(Fault::usage, "--html - leaves the output to the page, so there is no place for --json")
            .hint("leave one of them out, or name a file");
    const Config config = load_config_for(common).values;
    const Keyring keyring = keyring_of(config, arguments.passphrase, interrupt);
    const auto pick = [&](const std::string& wanted) {
        return pick_checkpoint(wanted, config, keyring, interrupt, rules_of(arguments.pick));
    };
    const Depth depth = arguments.sections.contains(Section::maps) ? Depth::memory_maps : Depth::manifest;
    const Inspection inspection = inspect(pick(arguments.checkpoint), keyring, depth);
    const auto other =
        arguments.other ? std::optional(inspect(pick(*arguments.other), keyring)) : std::optional<Inspection>();
    if (arguments.html) {
        const std::string page = other ? html_page(inspection, *other) : html_page(inspection);
        return give_page(inspection.path, page, arguments, common.format);
    }
    if (other) {
        if (common.format == Format::json)
            print_json(to_json(compare(inspection.manifest, other->manifest)));
        else
            print_comparison(inspection, *other);
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
    std::vector<Option> options = {{.names = {"CHECKPOINT"},
                                    .meaning = "its path; or `latest`, a name or a pid, for the newest of these in the "
                                               "store",
                                    .target = &arguments->checkpoint,
                                    .required = true,
                                    .complete = Complete::checkpoints_or_latest},
                                   {.names = {"LATER"},
                                    .meaning = "another one: what changed from the first to this one",
                                    .target = &arguments->other,
                                    .complete = Complete::checkpoints_or_latest},
                                   {.names = {"--html"},
                                    .value = "FILE",
                                    .meaning = "write one self-contained page to FILE; -: to standard output",
                                    .target = &arguments->html,
                                    .complete = Complete::files},
                                   {.names = {"--force"},
                                    .meaning = "overwrite a FILE that is there already",
                                    .target = &arguments->force,
                                    .needs = "--html"}};
    for (const SectionFlag& one : k_flags)
        options.push_back({.names = {one.flag}, .meaning = one.meaning, .target = [arguments, section = one.section] {
                               arguments->sections.insert(section);
                           }});
    std::ranges::move(pick_options(arguments->pick), std::back_inserter(options));
    std::ranges::move(passphrase_options(arguments->passphrase, PassphraseFor::decrypting),
                      std::back_inserter(options));
    return {.name = "inspect",
            .summary = "what is in a checkpoint, or what changed between two",
            .options = std::move(options),
            .examples = {"sudo cedana client inspect latest --memory --files",
                         "sudo cedana client inspect before.zip after.zip"},
            .run = [arguments](const CommonArguments& common, const Interrupt& interrupt) {
                run(*arguments, common, interrupt);
            }};
}

} // namespace cedana
