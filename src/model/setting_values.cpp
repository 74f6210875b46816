// SPDX-License-Identifier: Apache-2.0
// How each type of setting is read from and written as JSON: one overload of each function below per type.
#include "cedana/base/text.hpp"
#include "cedana/model/settings.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <sstream>
#include <type_traits>

#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

using nlohmann::json;

// The names of an enum's values, in their order.
template <typename Enum>
constexpr std::array<std::string_view, 0> k_names = {};
template <>
constexpr std::array<std::string_view, 3> k_names<Compression> = {"zstd", "deflate", "none"};
template <>
constexpr std::array<std::string_view, 2> k_names<Capture> = {"writable", "none"};

template <typename T>
concept Enumeration = std::is_enum_v<T>;

bool read_value(const json& value, const Bounds&, bool& out) {
    if (!value.is_boolean())
        return false;
    out = value.get<bool>();
    return true;
}

bool read_value(const json& value, const Bounds& bounds, std::int64_t& out) {
    constexpr auto k_most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (!value.is_number_integer() || (value.is_number_unsigned() && value.get<std::uint64_t>() > k_most))
        return false;
    const auto number = value.get<std::int64_t>();
    if (number < bounds.lowest || number > bounds.highest)
        return false;
    out = number;
    return true;
}

bool read_value(const json& value, const Bounds& bounds, std::chrono::seconds& out) {
    std::int64_t count = 0;
    if (!read_value(value, bounds, count))
        return false;
    out = std::chrono::seconds(count);
    return true;
}

// No argument, path or name can hold a NUL; the kernel would see what stands before it.
bool read_value(const json& value, const Bounds&, std::string& out) {
    if (!value.is_string() || value.get_ref<const std::string&>().find('\0') != std::string::npos)
        return false;
    out = value.get<std::string>();
    return true;
}

bool read_value(const json& value, const Bounds& bounds, std::vector<std::string>& out) {
    if (!value.is_array())
        return false;
    std::vector<std::string> words(value.size());
    for (std::size_t i = 0; i < value.size(); ++i)
        if (!read_value(value[i], bounds, words[i]))
            return false;
    out = std::move(words);
    return true;
}

template <Enumeration Enum>
bool read_value(const json& value, const Bounds& bounds, Enum& out) {
    std::string name;
    if (!read_value(value, bounds, name))
        return false;
    const auto found = std::ranges::find(k_names<Enum>, name);
    if (found == k_names<Enum>.end())
        return false;
    out = static_cast<Enum>(found - k_names<Enum>.begin());
    return true;
}

template <typename T>
json give(const T& value) {
    return value;
}
json give(const std::chrono::seconds& value) { return value.count(); }
template <Enumeration Enum>
json give(const Enum& value) {
    return k_names<Enum>.at(static_cast<std::size_t>(value));
}

std::string expected(const Bounds&, const bool&) { return "true or false"; }
std::string expected(const Bounds& bounds, const std::int64_t&) {
    return fmt::format("a whole number from {} to {}", bounds.lowest, bounds.highest);
}
std::string expected(const Bounds& bounds, const std::chrono::seconds&) { return expected(bounds, bounds.lowest); }
std::string expected(const Bounds&, const std::string&) { return "a text"; }
std::string expected(const Bounds&, const std::vector<std::string>&) { return "a list of texts"; }
template <Enumeration Enum>
std::string expected(const Bounds&, const Enum&) {
    return fmt::format("one of {}", fmt::join(k_names<Enum>, ", "));
}

json from_text(std::string_view text, const bool&) {
    if (text == "true" || text == "1")
        return true;
    if (text == "false" || text == "0")
        return false;
    return text;
}

json from_text(std::string_view text, const std::int64_t&) {
    std::int64_t number = 0;
    return parse_number(text, number) ? json(number) : json(text);
}

json from_text(std::string_view text, const std::chrono::seconds&) { return from_text(text, std::int64_t{0}); }

json from_text(std::string_view text, const std::vector<std::string>&) {
    if (trim(text).starts_with('[')) {
        json list = json::parse(text, nullptr, false);
        return list.is_discarded() ? json(text) : list;
    }
    json words = json::array();
    std::istringstream stream{std::string(text)};
    for (std::string word; stream >> word;)
        words.push_back(word);
    return words;
}

json from_text(std::string_view text, const std::string&) { return text; }
template <Enumeration Enum>
json from_text(std::string_view text, const Enum&) {
    return text;
}

} // namespace

std::string_view name_of(Compression compression) {
    return k_names<Compression>.at(static_cast<std::size_t>(compression));
}

std::string_view name_of(Capture capture) { return k_names<Capture>.at(static_cast<std::size_t>(capture)); }

bool assign(Config& config, const Setting& setting, const json& value) {
    return std::visit([&](auto member) { return read_value(value, setting.bounds, config.*member); }, setting.member);
}

json value_from_text(const Setting& setting, std::string_view text) {
    const Config type_only;
    return std::visit([&](auto member) { return from_text(text, type_only.*member); }, setting.member);
}

json value_of(const Config& config, const Setting& setting) {
    return std::visit([&](auto member) { return give(config.*member); }, setting.member);
}

std::string expected_value(const Setting& setting) {
    if (setting.holds == Holds::path)
        return "a path";
    const Config type_only;
    return std::visit([&](auto member) { return expected(setting.bounds, type_only.*member); }, setting.member);
}

} // namespace cedana
