// SPDX-License-Identifier: Apache-2.0
#include "required_file_json.hpp"

#include "cedana/base/text.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include "manifest_json.hpp"

namespace cedana {

namespace {

constexpr std::array<std::pair<RequiredKind, std::string_view>, 3> k_kinds = {
    {{RequiredKind::file, "file"}, {RequiredKind::folder, "folder"}, {RequiredKind::other, "other"}}};

std::string_view name_of(RequiredKind kind) {
    return std::ranges::find(k_kinds, kind, [](const auto& row) { return row.first; })->second;
}

RequiredFile from_json(const nlohmann::json& json) {
    RequiredFile file{.path = path_of(json)};
    const std::string kind = json.at("kind").get<std::string>();
    const auto* row = std::ranges::find(k_kinds, kind, [](const auto& pair) { return pair.second; });
    if (row == k_kinds.end())
        refuse_manifest(fmt::format("'{}' is no kind of file", printable(kind)));
    file.kind = row->first;
    if (file.kind == RequiredKind::file)
        file.size = number_of(json.at("size"));
    return file;
}

} // namespace

nlohmann::json required_files_to_json(const std::vector<RequiredFile>& files) {
    nlohmann::json list = nlohmann::json::array();
    for (const RequiredFile& file : files) {
        list.push_back({{"kind", name_of(file.kind)}});
        put_path(list.back(), file.path);
        if (file.kind == RequiredKind::file)
            list.back()["size"] = file.size;
    }
    return list;
}

std::vector<RequiredFile> required_files_from_json(const nlohmann::json& json) {
    std::vector<RequiredFile> files;
    for (const auto& file : list_of(json))
        files.push_back(from_json(file));
    return files;
}

} // namespace cedana
