// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/time_text.hpp"
#include "cedana/cli/commands.hpp"
#include "cedana/cli/completion.hpp"
#include "cedana/cli/output.hpp"
#include "cedana/process/procfs.hpp"
#include "cedana/store/catalog.hpp"

#include <memory>
#include <set>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

// Processes that are none of the kernel's.
template <typename Use>
void each_process(Use use) {
    const Procfs procfs;
    for (const pid_t pid : procfs.pids())
        if (const auto stat = procfs.stat(pid); stat && !stat->is_kernel_thread() && !stat->is_zombie())
            use(*stat);
}

std::vector<Offer> pids() {
    std::vector<Offer> offers;
    each_process(
        [&](const ProcessStat& stat) { offers.push_back({.word = std::to_string(stat.pid), .meaning = stat.comm}); });
    return offers;
}

std::vector<Offer> names() {
    std::set<std::string> seen;
    each_process([&](const ProcessStat& stat) { seen.insert(stat.comm); });
    std::vector<Offer> offers;
    for (const std::string& name : seen)
        offers.push_back({.word = name});
    return offers;
}

std::filesystem::path store_of(const std::string& folder) {
    if (!folder.empty())
        return folder;
    return find_store({}, load_config({.caller = caller_from_system(), .explicit_file = {}}).values);
}

std::vector<Offer> checkpoints(const std::string& folder) {
    std::vector<Offer> offers;
    const auto now = std::chrono::system_clock::now();
    for (const CatalogEntry& entry : read_catalog(store_of(folder), Keyring(), Interrupt::none()))
        if (entry.summary)
            offers.push_back(
                {.word = entry.path.string(),
                 .meaning = fmt::format("{}, {}, {}", entry.summary->name,
                                        human_age(std::chrono::duration_cast<std::chrono::seconds>(now - entry.when)),
                                        human_bytes(entry.bytes))});
    return offers;
}

// What cannot be found out is not offered: a shell has no place for an error.
std::vector<Offer> offered(const std::function<std::vector<Offer>()>& find) {
    try {
        return find();
    } catch (const Error&) {
        return {};
    }
}

void offer_words(const Command& program, const std::vector<std::string>& words) {
    const OfferSources sources{.pids = pids, .names = names, .checkpoints = [](const std::string& folder) {
                                   return offered([&] { return checkpoints(folder); });
                               }};
    const std::string text = offers_text(complete(program, words, sources));
    if (!text.empty())
        print_line(std::string_view(text).substr(0, text.size() - 1));
}

void print_script(const std::string& shell, Format format) {
    const std::string_view script = completion_script(shell);
    if (script.empty())
        throw Error(Fault::usage, fmt::format("there is no completion for {}", printable(shell)))
            .hint("one of bash, zsh, fish");
    if (format == Format::json)
        print_json({{"shell", shell}, {"script", script}});
    else
        print_line(script.substr(0, script.size() - 1));
}

} // namespace

Command completion_command(const Command& program) {
    const auto shell = std::make_shared<std::string>();
    const auto words = std::make_shared<std::vector<std::string>>();
    return {.name = "completion",
            .summary = "the script by which a shell completes cedana's words",
            .options = {{.names = {"SHELL"},
                         .meaning = "bash, zsh or fish",
                         .target = shell.get(),
                         .required = true,
                         .complete = Complete::choices,
                         .choices = {"bash", "zsh", "fish"}},
                        // Asked by the scripts: `cedana completion words -- WORDS`.
                        {.names = {"WORDS"}, .target = words.get(), .hidden = true}},
            .examples = {"source <(cedana completion bash)"},
            .run = [shell, words, &program](const CommonArguments& common, const Interrupt&) {
                if (*shell == "words")
                    offer_words(program, *words);
                else
                    print_script(*shell, common.format);
            }};
}

} // namespace cedana
