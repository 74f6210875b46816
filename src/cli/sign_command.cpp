// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/text.hpp"
#include "cedana/checkpoint/sign.hpp"
#include "cedana/cli/commands.hpp"
#include "cedana/cli/failure.hpp"
#include "cedana/cli/output.hpp"

#include <memory>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

using Json = nlohmann::ordered_json;

std::string line_of(const SignResult& result) {
    const std::string what = result.replaced.empty()            ? "signed"
                             : result.replaced == result.key_id ? "signed again"
                                                                : "signed anew in place of the key " + result.replaced;
    return fmt::format("{}: {} with the key {}", printable(result.checkpoint.string()), what, result.key_id);
}

Json to_json(const SignResult& result) {
    return {{"checkpoint", result.checkpoint.string()},
            {"signed_by", result.key_id},
            {"replaced", text_or_null(result.replaced)}};
}

void run(const std::vector<std::filesystem::path>& checkpoints, const CommonArguments& common,
         const Interrupt& interrupt) {
    const LoadedConfig config = load_config_for(common);
    const Caller caller = caller_from_system();
    Json list = Json::array();
    for (const auto& checkpoint : checkpoints) {
        try {
            const SignResult result =
                sign({.checkpoint = checkpoint, .config = config.values, .caller = caller}, interrupt);
            list.push_back(to_json(result));
            if (common.format == Format::text)
                print_result(line_of(result));
        } catch (const Error& error) {
            throw FailedWithResult{error, {{"checkpoints", list}}};
        }
    }
    if (common.format == Format::json)
        print_json_result({{"checkpoints", list}});
}

} // namespace

Command sign_command() {
    const auto checkpoints = std::make_shared<std::vector<std::filesystem::path>>();
    return {.name = "sign",
            .summary = "vouch for checkpoints with security.signing_key",
            .options = {{.names = {"ZIP"},
                         .meaning = "checkpoints; a signature that one has is replaced",
                         .target = checkpoints.get(),
                         .required = true,
                         .complete = Complete::checkpoints}},
            .examples = {"cedana client sign /var/checkpoints/redis-server_20261122T164510Z.zip"},
            .run = [checkpoints](const CommonArguments& common, const Interrupt& interrupt) {
                run(*checkpoints, common, interrupt);
            }};
}

} // namespace cedana
