// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/verify.hpp"
#include "cedana/base/text.hpp"
#include "cedana/cli/commands.hpp"
#include "cedana/cli/failure.hpp"
#include "cedana/cli/output.hpp"
#include "cedana/cli/passphrase.hpp"
#include "cedana/cli/progress_json.hpp"

#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

using Json = nlohmann::ordered_json;

void print_reason(const Error& error) {
    for (const std::string& line : reason_lines(error))
        print_text("  " + line, line.starts_with(' ') ? 11 : 4);
}

void print_checkpoint(const VerifiedCheckpoint& one) {
    const std::string path = printable(one.path.string());
    if (one.flaw) {
        print_text(fmt::format("{}: {}", path,
                               one.flaw->fault() == Fault::checkpoint ? "not a whole checkpoint" : "cannot be read"),
                   2);
        return print_reason(*one.flaw);
    }
    print_text(fmt::format("{}: whole ({} of images), {}", path, human_bytes(one.manifest->bytes_images),
                           !one.manifest->cannot_be_restored.empty() ? "but can never be restored:"
                           : one.refusals.empty()                    ? "can be restored here"
                                                                     : "but cannot be restored here now:"),
               2);
    for (const Error& refusal : one.refusals)
        print_reason(refusal);
    if (one.proof)
        print_text("  " + text_of(*one.proof), 4);
    if (one.proof && one.proof->failure)
        print_reason(*one.proof->failure);
}

Json to_json(const VerifiedCheckpoint& one) {
    Json json = {{"checkpoint", one.path.string()},
                 {"whole", !one.flaw},
                 {"restores_here", !one.flaw && one.refusals.empty()},
                 {"flaw", one.flaw ? to_json(*one.flaw) : Json(nullptr)}};
    json["name"] = one.manifest ? Json(one.manifest->name) : Json(nullptr);
    json["pid"] = one.manifest ? Json(one.manifest->tree.front().pid) : Json(nullptr);
    json["bytes_images"] = one.manifest ? Json(one.manifest->bytes_images) : Json(nullptr);
    json["cannot_be_restored"] = one.manifest ? Json(one.manifest->cannot_be_restored) : Json::array();
    json["refusals"] = Json::array();
    for (const Error& refusal : one.refusals)
        json["refusals"].push_back(to_json(refusal));
    json["proof"] = to_json(one.proof);
    return json;
}

Json to_json(const VerifyResult& result) {
    Json list = Json::array();
    for (const VerifiedCheckpoint& one : result.checkpoints)
        list.push_back(to_json(one));
    return {{"checkpoints", list}, {"bytes_read", result.bytes_read}, {"seconds", result.seconds}};
}

struct VerifyArguments {
    std::vector<std::string> checkpoints;
    PickArguments pick;
    bool prove = false;
    PassphraseArguments passphrase;
};

void run(const VerifyArguments& arguments, const CommonArguments& common, const Interrupt& interrupt) {
    const LoadedConfig config = load_config_for(common);
    const Keyring keyring = keyring_of(config.values, arguments.passphrase, interrupt);
    VerifyRequest request{.checkpoints = {},
                          .config = config.values,
                          .caller = config.caller,
                          .keyring = keyring,
                          .prove = arguments.prove};
    PickRules rules = rules_of(arguments.pick);
    rules.damaged = Damaged::picked;
    for (const std::string& wanted : arguments.checkpoints)
        request.checkpoints.push_back(pick_checkpoint(wanted, config.values, keyring, interrupt, rules));
    const VerifyResult result = [&] {
        const auto progress = make_progress(common);
        return verify(request, interrupt, *progress);
    }();
    if (common.format == Format::text)
        for (const VerifiedCheckpoint& one : result.checkpoints)
            print_checkpoint(one);
    if (const auto worst = worst_of(result))
        throw FailedWithResult{*worst, to_json(result)};
    if (common.format == Format::json)
        print_json(to_json(result));
}

} // namespace

Command verify_command() {
    const auto arguments = std::make_shared<VerifyArguments>();
    std::vector<Option> options = {{.names = {"CHECKPOINT"},
                                    .meaning = "paths; or `latest`, a name or a pid, for the newest of these in the "
                                               "store; every byte of them is read",
                                    .target = &arguments->checkpoints,
                                    .required = true,
                                    .complete = Complete::checkpoints_or_latest},
                                   {.names = {"--prove"},
                                    .meaning = "try it too: restore each into namespaces of its own, and take it away "
                                               "before it runs",
                                    .target = &arguments->prove}};
    std::ranges::move(pick_options(arguments->pick), std::back_inserter(options));
    std::ranges::move(passphrase_options(arguments->passphrase, PassphraseFor::decrypting),
                      std::back_inserter(options));
    return {.name = "verify",
            .summary = "are checkpoints whole, and can they be restored here",
            .options = std::move(options),
            .examples = {"sudo cedana client verify latest", "sudo cedana client verify /mnt/checkpoints/*.zip"},
            .run = [arguments](const CommonArguments& common, const Interrupt& interrupt) {
                run(*arguments, common, interrupt);
            }};
}

} // namespace cedana
