// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"
#include "cedana/cli/commands.hpp"
#include "cedana/cli/output.hpp"
#include "cedana/keys/keygen.hpp"
#include "cedana/model/settings.hpp"

#include <filesystem>
#include <memory>
#include <system_error>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

using Json = nlohmann::ordered_json;

void show(const CommonArguments& common) {
    const LoadedConfig config = load_config_for(common);
    if (common.format == Format::json) {
        Json json = Json::object();
        for (const ConfigRow& row : config_rows(config))
            json[row.key] = {{"value", Json::parse(row.value)}, {"origin", row.origin}, {"meaning", row.meaning}};
        print_json(json);
        return;
    }
    Table table({{.title = "SETTING"}, {.title = "VALUE"}, {.title = "FROM", .elastic = true, .keep = Keep::end}});
    for (const ConfigRow& row : config_rows(config))
        table.add({row.key, printable(row.value), printable(row.origin)});
    print_table(table);
}

Json path_json(const std::filesystem::path& path) { return {{"config_file", path.string()}}; }

// An empty path is no line that a script could use.
void print_path(const Caller& caller, const std::filesystem::path& path, Format format) {
    if (path.empty())
        throw Error(Fault::usage,
                    fmt::format("user {} has no home, so there is no config file", printable(caller.name)))
            .hint("--config FILE or CEDANA_CONFIG names one");
    std::error_code ignored;
    if (format == Format::json)
        print_json({{"config_file", path.string()}, {"exists", std::filesystem::exists(path, ignored)}});
    else
        print_line(path.string());
}

void init(const CommonArguments& common) {
    const Caller caller = caller_from_system();
    const auto path = default_config_path(caller);
    if (create_config_file(caller, template_text()) == Creation::existed)
        throw Error(Fault::usage, fmt::format("{} exists already, and is never rewritten", path.string()))
            .hint("remove it first to start again from the defaults");
    if (common.format == Format::json)
        print_json_result(path_json(path));
    else
        print_result(path.string());
}

void path(const CommonArguments& common) {
    const Caller caller = caller_from_system();
    print_path(caller, user_config_path({.caller = caller, .explicit_file = common.config_file}), common.format);
}

struct KeygenArguments {
    std::filesystem::path file;
    bool recipient = false;
    bool encryption = false;
};

std::string meaning_of(KeyUse use, const KeyFiles& made) {
    const std::string secret = printable(made.secret.string());
    const std::string published = printable(made.published.string());
    switch (use) {
    case KeyUse::signing:
        return fmt::format(
            "security.signing_key = {} signs; the line in {} is for security.trusted_keys of the hosts that "
            "restore",
            secret, published);
    case KeyUse::recipient:
        return fmt::format(
            "security.identity = {} decrypts; the line in {} is for security.recipients of the hosts that "
            "dump",
            secret, published);
    case KeyUse::encryption:
        break;
    }
    return fmt::format("security.encryption_key = {} encrypts and decrypts", secret);
}

void keygen(const KeygenArguments& arguments, const CommonArguments& common) {
    const KeyUse use = arguments.recipient    ? KeyUse::recipient
                       : arguments.encryption ? KeyUse::encryption
                                              : KeyUse::signing;
    const KeyFiles made = make_key(use, arguments.file, caller_from_system());
    common.say(meaning_of(use, made));
    const bool is_pair = !made.published.empty();
    if (common.format == Format::json)
        print_json_result(
            {{"secret", made.secret.string()}, {"public", is_pair ? Json(made.published.string()) : Json(nullptr)}});
    else
        print_result(is_pair ? made.published.string() : made.secret.string());
}

} // namespace

Command config_command() {
    const auto arguments = std::make_shared<KeygenArguments>();
    return {.name = "config",
            .summary = "show the settings and where each comes from",
            .commands = {
                {.name = "show",
                 .summary = "every setting, its value and where it comes from",
                 .examples = {"cedana config show"},
                 .run = [](const CommonArguments& common, const Interrupt&) { show(common); }},
                {.name = "init",
                 .summary = "create the config file with the defaults",
                 .examples = {"cedana config init"},
                 .run = [](const CommonArguments& common, const Interrupt&) { init(common); }},
                {.name = "keygen",
                 .summary = "new keys: FILE signs checkpoints, FILE.pub is for trust",
                 .options = {{.names = {"FILE"},
                              .meaning = "the private key; FILE.pub becomes the public one",
                              .target = &arguments->file,
                              .required = true,
                              .complete = Complete::files},
                             {.names = {"--recipient"},
                              .meaning = "a pair for encryption: FILE decrypts, FILE.pub is whom to encrypt for",
                              .target = &arguments->recipient},
                             {.names = {"--encryption"},
                              .meaning = "one key that encrypts and decrypts; there is no FILE.pub",
                              .target = &arguments->encryption,
                              .excludes = "--recipient"}},
                 .examples = {"cedana config keygen /etc/cedana/signing.key"},
                 .run = [arguments](const CommonArguments& common, const Interrupt&) { keygen(*arguments, common); }},
                {.name = "path",
                 .summary = "print where the config file is",
                 .examples = {"editor \"$(cedana config path)\""},
                 .run = [](const CommonArguments& common, const Interrupt&) { path(common); }}}};
}

} // namespace cedana
