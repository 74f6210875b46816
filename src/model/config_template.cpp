// SPDX-License-Identifier: Apache-2.0
// The table of settings as one JSON document: for programs (to_json) and for people (template_text).
#include "cedana/model/settings.hpp"

#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

constexpr std::string_view k_heading =
    "// Settings of cedana. What counts, from weak to strong: the default, /etc/cedana/config.json, this file, the\n"
    "// environment variable named with each setting, a flag. Comments and trailing commas are fine.\n"
    "// `cedana config show` lists every value and where it came from.\n";

constexpr std::string_view k_root_only = "    // Counts only in a file that root alone can write "
                                         "(/etc/cedana/config.json), or when root itself runs cedana.\n";

// In the user's file they would undo, with their defaults, what /etc/cedana/config.json is to say later.
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

std::string template_text(const std::set<std::string_view>& elsewhere) {
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
        const bool is_comment = setting.set_by == SetBy::administrator || elsewhere.contains(setting.key);
        text += fmt::format("        {}\"{}\": {}", is_comment ? "// " : "", setting.name(),
                            value_of(defaults, setting).dump());
    }
    return text + "\n    }\n}\n";
}

} // namespace cedana
