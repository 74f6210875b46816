// SPDX-License-Identifier: Apache-2.0
#include "captured_file_json.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"

#include <algorithm>
#include <limits>
#include <set>
#include <string>
#include <string_view>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>

#include "manifest_json.hpp"

namespace cedana {

namespace {

using Json = nlohmann::json;

constexpr std::uint64_t k_highest_pid = 4UL * 1024 * 1024;
constexpr std::uint64_t k_largest_file = std::numeric_limits<std::int64_t>::max();
// The highest id stands for "leave it as it is" (chown(2)).
constexpr std::uint64_t k_highest_id = std::numeric_limits<std::uint32_t>::max() - 1UL;
constexpr std::uint64_t k_all_modes = 07777;
std::int64_t time_of(const Json& json) {
    const bool fits =
        json.is_number_unsigned() ? json.get<std::uint64_t>() <= k_largest_file : json.is_number_integer();
    if (!fits)
        refuse_manifest(
            fmt::format("{} is no time of a file", json.dump(-1, ' ', true, Json::error_handler_t::replace)));
    return json.get<std::int64_t>();
}

std::string file_path_of(const Json& json) {
    std::string path = path_of(json);
    if (path == "/")
        refuse_manifest("/ is no file");
    return path;
}

std::string digest_of(const Json& json) {
    constexpr std::size_t k_digest_size = 64;
    auto digest = json.get<std::string>();
    if (!digest.empty() && (digest.size() != k_digest_size || !is_hexadecimal(digest)))
        refuse_manifest(fmt::format("{} is no SHA-256", printable(digest)));
    return digest;
}

std::string entry_of(const Json& json) {
    auto entry = json.get<std::string>();
    std::int64_t number = 0;
    if (!entry.empty() && (!parse_number(entry, number) || number < 0 || std::to_string(number) != entry))
        refuse_manifest(fmt::format("{} is no number of a captured file", printable(entry)));
    return entry;
}

Json use_to_json(const FileUse& use) { return {{"pid", use.pid}, {"fd", use.fd}, {"flags", use.flags}}; }

FileUse use_from_json(const Json& json) {
    const Json& fd = json.at("fd");
    const bool mapped = fd.is_number_integer() && fd == -1;
    return {.pid = static_cast<pid_t>(number_of(json.at("pid"), k_highest_pid)),
            .fd = mapped ? -1 : static_cast<int>(number_of(fd, std::numeric_limits<int>::max())),
            .flags = static_cast<unsigned>(number_of(json.at("flags"), std::numeric_limits<unsigned>::max()))};
}

Json file_to_json(const CapturedFile& file) {
    Json uses = Json::array();
    for (const FileUse& use : file.uses)
        uses.push_back(use_to_json(use));
    Json json = {{"entry", file.entry},       {"size", file.size},         {"sha256", file.digest},
                 {"mode", file.mode},         {"owner", file.owner},       {"group", file.group},
                 {"accessed", file.accessed}, {"modified", file.modified}, {"uses", std::move(uses)}};
    put_path(json, file.path);
    return json;
}

CapturedFile file_from_json(const Json& json) {
    CapturedFile file{.path = file_path_of(json),
                      .entry = entry_of(json.at("entry")),
                      .size = number_of(json.at("size"), k_largest_file),
                      .digest = digest_of(json.at("sha256")),
                      .mode = static_cast<mode_t>(number_of(json.at("mode"), k_all_modes)),
                      .owner = static_cast<uid_t>(number_of(json.at("owner"), k_highest_id)),
                      .group = static_cast<gid_t>(number_of(json.at("group"), k_highest_id)),
                      .accessed = time_of(json.at("accessed")),
                      .modified = time_of(json.at("modified"))};
    for (const Json& use : list_of(json.at("uses")))
        file.uses.push_back(use_from_json(use));
    if (!file.entry.empty() && file.digest.empty())
        refuse_manifest(fmt::format("{} was captured without a digest", printable(file.path)));
    return file;
}

} // namespace

bool FileUse::appends() const noexcept { return fd >= 0 && (flags & O_APPEND) != 0 && (flags & O_ACCMODE) == O_WRONLY; }

Json captured_files_to_json(const std::vector<CapturedFile>& files) {
    Json json = Json::array();
    for (const CapturedFile& file : files)
        json.push_back(file_to_json(file));
    return json;
}

std::vector<CapturedFile> captured_files_from_json(const Json& json) {
    std::vector<CapturedFile> files;
    std::set<std::string> paths;
    std::set<std::string> entries;
    for (const Json& one : list_of(json)) {
        CapturedFile file = file_from_json(one);
        if (!paths.insert(file.path).second)
            refuse_manifest(fmt::format("the file {} is there twice", printable(file.path)));
        if (!file.entry.empty() && !entries.insert(file.entry).second)
            refuse_manifest(fmt::format("two files have the entry {}", file.entry));
        files.push_back(std::move(file));
    }
    return files;
}

} // namespace cedana
