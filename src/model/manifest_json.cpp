// SPDX-License-Identifier: Apache-2.0
#include "manifest_json.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"
#include "cedana/model/manifest.hpp"

#include <algorithm>
#include <string_view>

#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

constexpr std::string_view k_digits = "0123456789abcdef";

bool is_utf8(const std::string& text) {
    try {
        static_cast<void>(Json(text).dump());
        return true;
    } catch (const Json::exception&) {
        return false;
    }
}

bool is_plain(std::string_view path) {
    const auto is_step = [](const std::string& part) { return part.empty() || part == "." || part == ".."; };
    return path == "/" || (path.starts_with('/') && path.find('\0') == std::string_view::npos &&
                           std::ranges::none_of(split(path.substr(1), '/'), is_step));
}

} // namespace

void refuse_manifest(const std::string& what) {
    throw Error(Fault::checkpoint, fmt::format("the manifest of the checkpoint is not usable: {}", what));
}

void require_version(std::int64_t version, const std::vector<std::string>& features,
                     std::span<const std::string_view> known) {
    constexpr const char* k_hint = "use the version of cedana that made it, or a newer one";
    if (version < k_manifest_version || version > k_manifest_version_with_features)
        throw Error(Fault::checkpoint,
                    fmt::format("the checkpoint has format version {}, and {} is the highest that is "
                                "known here",
                                version, k_manifest_version_with_features))
            .hint(k_hint);
    for (const std::string& feature : features)
        if (std::ranges::count(known, feature) == 0)
            throw Error(Fault::checkpoint, fmt::format("the checkpoint needs the feature '{}', which is not known here",
                                                       printable(feature)))
                .hint(k_hint);
}

void require_depth(int depth) {
    // What is in use is 6 deep.
    constexpr int k_deepest_manifest = 32;
    if (depth > k_deepest_manifest)
        refuse_manifest(fmt::format("it is nested more than {} deep", k_deepest_manifest));
}

void require_depth_of(std::string_view text) {
    int depth = 0;
    bool is_in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '"')
            is_in_string = !is_in_string;
        else if (is_in_string && text[i] == '\\')
            ++i;
        else if (!is_in_string && (text[i] == '{' || text[i] == '['))
            require_depth(++depth);
        else if (!is_in_string && (text[i] == '}' || text[i] == ']'))
            --depth;
    }
}

pid_t to_pid(std::uint64_t number) {
    // Linux's PID_MAX_LIMIT on 64 bits.
    constexpr std::uint64_t k_top_pid = 4UL * 1024 * 1024;
    if (number == 0 || number > k_top_pid)
        refuse_manifest(fmt::format("{} is no pid", number));
    return static_cast<pid_t>(number);
}

std::uint64_t number_of(const Json& json, std::uint64_t most) {
    if (!json.is_number_unsigned() || json.get<std::uint64_t>() > most)
        refuse_manifest(fmt::format("{} is not a number from 0 to {}",
                                    printable(json.dump(-1, ' ', true, Json::error_handler_t::replace)), most));
    return json.get<std::uint64_t>();
}

const Json& list_of(const Json& json) {
    if (!json.is_array())
        refuse_manifest("something that should be a list is none");
    return json;
}

std::string to_hexadecimal(std::string_view bytes) {
    std::string text;
    for (const char c : bytes)
        text += fmt::format("{:02x}", static_cast<unsigned char>(c));
    return text;
}

std::string from_hexadecimal(std::string_view text) {
    if (text.size() % 2 != 0 || !is_hexadecimal(text))
        refuse_manifest("a path or a value is not in hexadecimal digits");
    std::string bytes;
    for (std::size_t i = 0; i < text.size(); i += 2)
        bytes += static_cast<char>(k_digits.find(text[i]) * 16 + k_digits.find(text[i + 1]));
    return bytes;
}

bool is_hexadecimal(std::string_view text) { return text.find_first_not_of(k_digits) == std::string_view::npos; }

void put_path(Json& object, const std::string& path) {
    object["path"] = path;
    if (!is_utf8(path))
        object["path_hex"] = to_hexadecimal(path);
}

std::string path_of(const Json& object) {
    std::string path = object.contains("path_hex") ? from_hexadecimal(object.at("path_hex").get<std::string>())
                                                   : object.at("path").get<std::string>();
    if (!is_plain(path))
        refuse_manifest(fmt::format("{} is not the path of a file", printable(path)));
    return path;
}

} // namespace cedana
