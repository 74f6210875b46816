// SPDX-License-Identifier: Apache-2.0
#include "required_file_json.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

constexpr std::array<std::pair<RequiredKind, std::string_view>, 3> k_kinds = {
    {{RequiredKind::file, "file"}, {RequiredKind::folder, "folder"}, {RequiredKind::other, "other"}}};

std::string_view name_of(RequiredKind kind) {
    return std::ranges::find(k_kinds, kind, [](const auto& row) { return row.first; })->second;
}

[[noreturn]] void refuse(const std::string& what) {
    throw Error(Fault::checkpoint, fmt::format("the manifest of the checkpoint is not usable: {}", what));
}

RequiredFile from_json(const nlohmann::json& json) {
    RequiredFile file{.path = json.at("path").get<std::string>()};
    if (!file.path.starts_with('/') || file.path.find('\0') != std::string::npos)
        refuse(fmt::format("'{}' is no absolute path", printable(file.path)));
    const std::string kind = json.at("kind").get<std::string>();
    const auto* row = std::ranges::find(k_kinds, kind, [](const auto& pair) { return pair.second; });
    if (row == k_kinds.end())
        refuse(fmt::format("'{}' is no kind of file", printable(kind)));
    file.kind = row->first;
    if (file.kind != RequiredKind::file)
        return file;
    if (!json.at("size").is_number_unsigned())
        refuse(fmt::format("the size of {} is no count", printable(file.path)));
    file.size = json.at("size").get<std::uint64_t>();
    return file;
}

} // namespace

nlohmann::json required_files_to_json(const std::vector<RequiredFile>& files) {
    nlohmann::json list = nlohmann::json::array();
    for (const RequiredFile& file : files) {
        list.push_back({{"path", file.path}, {"kind", name_of(file.kind)}});
        if (file.kind == RequiredKind::file)
            list.back()["size"] = file.size;
    }
    return list;
}

std::vector<RequiredFile> required_files_from_json(const nlohmann::json& json) {
    // nlohmann takes null for an empty list.
    if (!json.is_array())
        refuse("the files that it requires are no list");
    std::vector<RequiredFile> files;
    for (const auto& file : json)
        files.push_back(from_json(file));
    return files;
}

} // namespace cedana
