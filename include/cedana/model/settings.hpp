// SPDX-License-Identifier: Apache-2.0
// The one table of settings. A setting is one row; its place in the file, the name of its environment variable,
// the shipped template and the listing of `cedana config show` follow from it. Pure: nothing here reads a file.
#pragma once

#include "cedana/model/config.hpp"
#include "cedana/model/jsonc.hpp"

#include <chrono>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

namespace cedana {

// root: by such a setting its writer runs code as root, so it counts only from where root alone can write.
// administrator: it says whom root trusts, or where it writes, so for a user behind sudo it counts from
// /etc/cedana/config.json alone: a file of root's that holds the default, which is to trust everybody, is easily found.
enum class SetBy { anyone, root, administrator };

// What a whole number may be.
struct Bounds {
    std::int64_t lowest = 0;
    std::int64_t highest = 0;
};

// path: `~` in it is a home.
enum class Holds { text, path };

using SettingMember =
    std::variant<bool Config::*, std::int64_t Config::*, std::chrono::seconds Config::*, std::string Config::*,
                 std::vector<std::string> Config::*, Compression Config::*, Capture Config::*>;

struct Setting {
    // "archive.level": the group and the name in it.
    std::string_view key;
    SettingMember member;
    std::string_view meaning;
    Bounds bounds;
    SetBy set_by;
    Holds holds;

    [[nodiscard]] std::string_view group() const { return key.substr(0, key.find('.')); }
    [[nodiscard]] std::string_view name() const { return key.substr(key.find('.') + 1); }
    // "CEDANA_ARCHIVE_LEVEL"
    [[nodiscard]] std::string environment_name() const;
};

// All settings; those of one group stand together.
[[nodiscard]] std::span<const Setting> settings();
// Null when there is none of that key.
[[nodiscard]] const Setting* find_setting(std::string_view key);
[[nodiscard]] bool is_group(std::string_view name);
// The known key or group that an unknown one most likely means; empty if none is near.
[[nodiscard]] std::string nearest_setting(std::string_view unknown);

// Takes over a value as the file has it. False, with `config` as it was, when the value does not fit.
[[nodiscard]] bool assign(Config& config, const Setting& setting, const nlohmann::json& value);
// A text from the environment or a flag as the file would have it; one that does not fit stays a text, which
// assign() refuses. Lists: a JSON array, or words between spaces.
[[nodiscard]] nlohmann::json value_from_text(const Setting& setting, std::string_view text);
[[nodiscard]] nlohmann::json value_of(const Config& config, const Setting& setting);
// "true or false", "a whole number from 0 to 1024", "one of zstd, deflate, none"
[[nodiscard]] std::string expected_value(const Setting& setting);

// All settings in their groups, in the table's order.
[[nodiscard]] nlohmann::ordered_json to_json(const Config& config);

// The config file that cedana creates: every setting with its default and its meaning, all of it comments, so that
// what /etc/cedana/config.json says counts until somebody sets another value.
[[nodiscard]] std::string template_text();

// What the file holds that earlier versions made: there the defaults were no comments, and nobody's wish. `elsewhere`:
// keys that /etc/cedana/config.json sets, which were left out.
[[nodiscard]] bool are_generated_defaults(const std::vector<JsoncEntry>& entries,
                                          const std::set<std::string_view>& elsewhere);

} // namespace cedana
