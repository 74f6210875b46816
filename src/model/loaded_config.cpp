// SPDX-License-Identifier: Apache-2.0
#include "cedana/model/loaded_config.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"
#include "cedana/model/jsonc.hpp"
#include "cedana/model/settings.hpp"

#include <set>
#include <utility>

#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// A value as it is shown in messages: short, and unable to steer the terminal.
std::string shown(const json& value) {
    constexpr std::size_t k_longest = 60;
    const std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
    return text.size() <= k_longest ? printable(text) : printable(text.substr(0, k_longest)) + "…";
}

std::string default_of(const Setting& setting) { return shown(value_of(Config(), setting)); }

// `~` is the home of whoever calls, as in a shell. What root runs or believes must not lie where that leads.
json with_home(const LoadedConfig& loaded, const Setting& setting, const json& value, const Origin& origin) {
    if (setting.holds != Holds::path || !value.is_string())
        return value;
    const auto text = value.get<std::string>();
    if (!text.starts_with('~'))
        return value;
    const Error refused = Error(Fault::usage, fmt::format("{}: {} is {}, whose home is not known", origin.text(),
                                                          setting.key, shown(value)))
                              .hint("write the folder out, from / on");
    const std::string& home = loaded.caller.home;
    if ((text.size() > 1 && text[1] != '/') || home.empty() ||
        (setting.set_by != SetBy::anyone && !loaded.caller.is_root()))
        throw refused;
    return home + text.substr(1);
}

void set(LoadedConfig& loaded, const Setting& setting, const json& given, Origin origin) {
    const json value = with_home(loaded, setting, given, origin);
    if (!assign(loaded.values, setting, value))
        throw Error(Fault::usage, fmt::format("{}: {} is {}, expected {}", origin.text(), setting.key, shown(value),
                                              expected_value(setting)))
            .hint(fmt::format("the default is {}", default_of(setting)));
    loaded.origins.insert_or_assign(std::string(setting.key), std::move(origin));
}

// A value that changes nothing is no wish that was refused: files of earlier versions hold every default.
void refuse(LoadedConfig& loaded, const Setting& setting, const json& value, const Origin& origin,
            std::string_view because) {
    if (value == value_of(Config(), setting) || value == value_of(loaded.values, setting))
        return;
    const std::string_view effect = setting.group() == "metrics"             ? "it says where root writes"
                                    : setting.set_by == SetBy::administrator ? "it says whom root trusts"
                                                                             : "it makes root run a program";
    loaded.warnings.push_back(fmt::format("{}: {} is ignored: {}, and {}; put it into {}", origin.text(), setting.key,
                                          effect, because, k_system_config_file));
}

enum class FileOf { system, user };

// Applies the entries of one file.
class FileReader {
  public:
    FileReader(LoadedConfig& loaded, std::string file, FileOf file_of, const Caller& caller, WrittenBy written_by)
        : loaded_(loaded), file_(std::move(file)), file_of_(file_of), caller_(caller), written_by_(written_by) {}

    void apply(const std::vector<JsoncEntry>& entries) {
        for (const JsoncEntry& entry : entries)
            apply(entry);
    }

  private:
    void apply(const JsoncEntry& entry) {
        if (!ignored_group_.empty() && entry.key.starts_with(ignored_group_))
            return;
        const Origin origin{.kind = Origin::Kind::file, .where = fmt::format("{}:{}", file_, entry.line)};
        if (const Setting* setting = find_setting(entry.key))
            apply_setting(*setting, entry, origin);
        else if (!is_group(entry.key))
            warn_unknown(entry, origin);
        else if (!entry.value.is_object())
            throw Error(Fault::usage, fmt::format("{}: {} is {}, expected a group of settings in braces", origin.text(),
                                                  entry.key, shown(entry.value)));
    }

    void apply_setting(const Setting& setting, const JsoncEntry& entry, const Origin& origin) {
        if (!seen_.insert(setting.key).second)
            loaded_.warnings.push_back(
                fmt::format("{}: {} is given more than once; this one counts", origin.text(), setting.key));
        if (setting.set_by != SetBy::anyone && written_by_ != WrittenBy::root && !caller_.is_root())
            return refuse(loaded_, setting, entry.value, origin, "root does not own this file alone");
        if (setting.set_by == SetBy::administrator && file_of_ == FileOf::user && !caller_.is_root())
            return refuse(loaded_, setting, entry.value, origin, "a user named this file");
        set(loaded_, setting, entry.value, origin);
        if (written_by_ == WrittenBy::root && names_a_store(setting))
            loaded_.folders_of_root.insert(value_of(loaded_.values, setting).get<std::string>());
    }

    static bool names_a_store(const Setting& setting) {
        return setting.key == "shared_storage.dump_storage_dir" || setting.key == "shared_storage.mount_point";
    }

    void warn_unknown(const JsoncEntry& entry, const Origin& origin) {
        const std::string near = nearest_setting(entry.key);
        loaded_.warnings.push_back(fmt::format("{}: unknown key {} is ignored{}", origin.text(), printable(entry.key),
                                               near.empty() ? "" : fmt::format("; did you mean {}?", near)));
        if (entry.value.is_object())
            ignored_group_ = entry.key + ".";
    }

    LoadedConfig& loaded_;
    std::string file_;
    FileOf file_of_;
    const Caller& caller_;
    WrittenBy written_by_;
    // An unknown group is one warning, not one for each of its members.
    std::string ignored_group_;
    std::set<std::string_view> seen_;
};

// Whether a file that others can change is refused. What that file says of it does not count.
bool is_strict(const LoadedConfig& loaded, const ConfigSources& sources) {
    const Setting& setting = *find_setting("security.strict_permissions");
    Config own = loaded.values;
    if (const auto text = sources.environment(setting.environment_name()); text && !acts_as_root_for(sources.caller))
        static_cast<void>(assign(own, setting, value_from_text(setting, *text)));
    return own.security_strict_permissions;
}

std::set<std::string_view> keys_set(const LoadedConfig& loaded) {
    std::set<std::string_view> keys;
    for (const auto& [key, origin] : loaded.origins)
        keys.insert(key);
    return keys;
}

void apply_file(LoadedConfig& loaded, const fs::path& path, FileOf file_of, const ConfigText& content,
                const ConfigSources& sources) {
    if (content.exposure && is_strict(loaded, sources))
        throw exposed(*content.exposure, path, "the config file");
    const std::string name = printable(path.string());
    const std::vector<JsoncEntry> entries = parse_jsonc(content.text, name);
    const bool is_at_home = file_of == FileOf::user && path == default_config_path(sources.caller);
    if (!is_at_home || !are_generated_defaults(entries, keys_set(loaded)))
        FileReader(loaded, name, file_of, sources.caller, content.written_by).apply(entries);
}

// The administrator's file is for all users, so one who may not read it goes on without.
void apply_system_file(LoadedConfig& loaded, const ConfigSources& sources) {
    std::optional<ConfigText> content;
    try {
        content = read_config_file(sources.system_file);
    } catch (const Error& error) {
        if (error.fault() != Fault::permission)
            throw;
        loaded.warnings.push_back(error.message());
    }
    if (content)
        apply_file(loaded, sources.system_file, FileOf::system, *content, sources);
}

// The path that the user named, and by what.
std::optional<std::pair<fs::path, std::string>> named_file(const ConfigSources& sources) {
    if (sources.explicit_file)
        return std::pair(*sources.explicit_file, "--config");
    if (const auto path = sources.environment("CEDANA_CONFIG"); path && !path->empty())
        return std::pair(*path, "CEDANA_CONFIG");
    return std::nullopt;
}

// What is made says nothing yet.
void make_default(LoadedConfig& loaded, const Caller& caller) {
    try {
        if (create_config_file(caller, template_text()) == Creation::existed)
            loaded.warnings.push_back(fmt::format("the config file {} is a link to nothing",
                                                  printable(default_config_path(caller).string())));
    } catch (const Error& error) {
        loaded.warnings.push_back(fmt::format("the config file {} was not made: {}",
                                              printable(default_config_path(caller).string()), error.message()));
    }
}

void apply_user_file(LoadedConfig& loaded, const ConfigSources& sources) {
    const auto named = named_file(sources);
    std::optional<ConfigText> content;
    if (named) {
        content = read_config_file_as(sources.caller, named->first);
        if (!content)
            throw Error(Fault::usage, fmt::format("the config file {} does not exist", named->first.string()))
                .hint(fmt::format("correct {}, or leave it out to use ~/.cedana/cedana_config.json", named->second));
    } else if (loaded.user_file.empty()) {
        loaded.warnings.push_back(fmt::format("user {} has no home, so no config file is read", sources.caller.name));
    } else {
        content = read_config_file_as(sources.caller, loaded.user_file);
        if (!content && sources.first_use == FirstUse::makes_file)
            make_default(loaded, sources.caller);
    }
    if (content)
        apply_file(loaded, loaded.user_file, FileOf::user, *content, sources);
}

void apply_environment(LoadedConfig& loaded, const ConfigSources& sources) {
    for (const Setting& setting : settings()) {
        const Origin origin{.kind = Origin::Kind::environment, .where = setting.environment_name()};
        const auto text = sources.environment(origin.where);
        if (!text)
            continue;
        const json value = value_from_text(setting, *text);
        // sudo may be told to keep a user's environment.
        if (setting.set_by != SetBy::anyone && acts_as_root_for(sources.caller))
            refuse(loaded, setting, value, origin,
                   fmt::format("user {} may have set it", printable(sources.caller.name)));
        else
            set(loaded, setting, value, origin);
    }
}

} // namespace

std::string Origin::text() const {
    switch (kind) {
    case Kind::default_value:
        return "default";
    case Kind::file:
        return where;
    case Kind::environment:
        return "environment variable " + where;
    case Kind::flag:
        return "flag " + where;
    }
    return where;
}

Origin LoadedConfig::origin(std::string_view key) const {
    const auto found = origins.find(key);
    return found == origins.end() ? Origin() : found->second;
}

void LoadedConfig::set_from_flag(std::string_view key, std::string_view flag, std::string_view value) {
    const Setting* setting = find_setting(key);
    if (setting == nullptr)
        throw Error(Fault::internal, fmt::format("flag {} sets the unknown key {}", flag, key));
    set(*this, *setting, value_from_text(*setting, value), {.kind = Origin::Kind::flag, .where = std::string(flag)});
}

fs::path user_config_path(const ConfigSources& sources) {
    const auto named = named_file(sources);
    return named ? named->first : default_config_path(sources.caller);
}

LoadedConfig load_config(const ConfigSources& sources) {
    LoadedConfig loaded;
    loaded.caller = sources.caller;
    loaded.user_file = user_config_path(sources);
    apply_system_file(loaded, sources);
    apply_user_file(loaded, sources);
    apply_environment(loaded, sources);
    return loaded;
}

std::vector<ConfigRow> config_rows(const LoadedConfig& config) {
    std::vector<ConfigRow> rows;
    for (const Setting& setting : settings())
        rows.push_back({.key = std::string(setting.key),
                        .value = value_of(config.values, setting).dump(),
                        .origin = config.origin(setting.key).text(),
                        .meaning = std::string(setting.meaning)});
    return rows;
}

} // namespace cedana
