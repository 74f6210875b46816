// SPDX-License-Identifier: Apache-2.0
// The table of settings as one JSON document: for programs (to_json) and for people (template_text).
#include "cedana/model/settings.hpp"

#include <algorithm>
#include <array>

#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

constexpr std::string_view k_heading =
    "// Settings of cedana. Each stands behind // with its default: take the // off to set it. What counts, from weak "
    "to\n"
    "// strong: the default, /etc/cedana/config.json, this file, the environment variable named with each setting, a\n"
    "// flag. Comments and trailing commas are fine. `cedana config show` lists every value and where it came from.\n";

constexpr std::string_view k_root_only = "    // Counts only in a file that root alone can write "
                                         "(/etc/cedana/config.json), or when root itself runs cedana.\n";

constexpr std::string_view k_administrator_only =
    "    // Counts only in /etc/cedana/config.json, or when root itself runs cedana.\n";

std::string_view note_of(SetBy set_by) {
    switch (set_by) {
    case SetBy::anyone:
        break;
    case SetBy::root:
        return k_root_only;
    case SetBy::administrator:
        return k_administrator_only;
    }
    return {};
}

} // namespace

nlohmann::ordered_json to_json(const Config& config) {
    auto document = nlohmann::ordered_json::object();
    for (const Setting& setting : settings())
        document[std::string(setting.group())][std::string(setting.name())] = value_of(config, setting);
    return document;
}

std::string template_text() {
    const Config defaults;
    std::string text(k_heading);
    text += "{";
    std::string_view group;
    for (const Setting& setting : settings()) {
        if (setting.group() != group) {
            text += group.empty() ? "\n" : "\n    },\n";
            group = setting.group();
            text += note_of(setting.set_by);
            text += fmt::format("    \"{}\": {{\n", group);
        } else {
            text += ",\n";
        }
        text += fmt::format("        // {}\n", setting.meaning);
        text += fmt::format("        // {}: {}\n", setting.environment_name(), expected_value(setting));
        text += fmt::format("        // \"{}\": {}", setting.name(), value_of(defaults, setting).dump());
    }
    return text + "\n    }\n}\n";
}

bool are_generated_defaults(const std::vector<JsoncEntry>& entries, const std::set<std::string_view>& elsewhere) {
    // Those of the first version, which every later one had too; no default has changed since.
    static constexpr std::array<std::string_view, 19> k_always = {"client.process_name",
                                                                  "client.leave_running",
                                                                  "client.signal_process_pre_dump",
                                                                  "client.signal_process_timeout",
                                                                  "client.signal_process_done_file",
                                                                  "shared_storage.dump_storage_dir",
                                                                  "shared_storage.mount_point",
                                                                  "action_scripts.pre_dump",
                                                                  "action_scripts.post_dump",
                                                                  "action_scripts.pre_restore",
                                                                  "action_scripts.post_restore",
                                                                  "archive.compression",
                                                                  "archive.level",
                                                                  "archive.threads",
                                                                  "archive.buffer_mib",
                                                                  "files.capture",
                                                                  "files.capture_limit_mib",
                                                                  "criu.path",
                                                                  "criu.extra_args"};
    const Config defaults;
    std::set<std::string_view> keys;
    for (const JsoncEntry& entry : entries) {
        const Setting* const setting = find_setting(entry.key);
        if (setting == nullptr && !(is_group(entry.key) && entry.value.is_object()))
            return false;
        if (setting == nullptr)
            continue;
        if (entry.value != value_of(defaults, *setting))
            return false;
        keys.insert(setting->key);
    }
    return std::ranges::all_of(k_always,
                               [&](std::string_view key) { return keys.contains(key) || elsewhere.contains(key); });
}

} // namespace cedana
