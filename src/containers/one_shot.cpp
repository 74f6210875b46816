// SPDX-License-Identifier: Apache-2.0
#include "cedana/containers/one_shot.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/state_folder.hpp"
#include "cedana/base/text.hpp"
#include "cedana/containers/runtime_state.hpp"
#include "cedana/model/json_failure.hpp"

#include <cerrno>
#include <system_error>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

#include <sys/stat.h>
#include <unistd.h>

namespace cedana::containers {

namespace fs = std::filesystem;

namespace {

constexpr const char* k_oci_folder = "oci";
constexpr const char* k_restored_end = ".restored";

// Nothing is made for a look: a runtime passes on what is not for it, whoever has started it.
std::optional<fs::path> find_in_oci_folder(const std::string& name) {
    const fs::path path = fs::path(k_state_path) / k_oci_folder / name;
    std::error_code ignored;
    if (!is_plain_name(name) || !fs::is_regular_file(path, ignored))
        return std::nullopt;
    require_own_state_folder();
    return path;
}

// A name with the end of a mark would be another container's mark.
void require_id(const std::string& id) {
    if (!is_plain_name(id) || id.ends_with(k_restored_end))
        throw Error(Fault::usage, fmt::format("{} is no id of a container", printable(id)));
}

fs::path oci_folder() {
    fs::path folder = state_folder() / k_oci_folder;
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
        throw OsFailure(Fault::storage).error("cannot create {}", folder.string());
    return folder;
}

} // namespace

void write_one_shot(const std::string& id, const OneShot& shot) {
    require_id(id);
    replace_file(
        oci_folder() / id,
        nlohmann::json({{"work", shot.work.string()}, {"network", shot.made_by_hook == MadeByHook::network}}).dump());
}

std::optional<OneShot> take_one_shot(const std::string& id) {
    const auto path = find_in_oci_folder(id);
    if (!path)
        return std::nullopt;
    const std::string text = read_file(*path);
    remove_one_shot(id);
    try {
        const auto json = nlohmann::json::parse(text);
        return OneShot{.work = json.at("work").get<std::string>(),
                       .made_by_hook = json.at("network").get<bool>() ? MadeByHook::network : MadeByHook::nothing};
    } catch (const nlohmann::json::exception& error) {
        throw Error(Fault::internal, fmt::format("{} cannot be read: {}", path->string(), what_is_wrong(error)));
    }
}

void remove_one_shot(const std::string& id) {
    std::error_code ignored;
    if (const auto path = find_in_oci_folder(id))
        fs::remove(*path, ignored);
    static_cast<void>(take_mark(id));
}

void mark_restored(const std::string& id) {
    require_id(id);
    replace_file(oci_folder() / (id + k_restored_end), "");
}

bool take_mark(const std::string& id) {
    const auto path = find_in_oci_folder(id + k_restored_end);
    std::error_code ignored;
    return path && fs::remove(*path, ignored);
}

} // namespace cedana::containers
