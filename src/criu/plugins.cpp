// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/plugins.hpp"

#include <algorithm>
#include <optional>
#include <system_error>

namespace cedana::criu {

namespace fs = std::filesystem;

namespace {

std::optional<std::string> named_folder(const std::vector<std::string>& arguments) {
    constexpr std::string_view k_long = "--libdir=";
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        if ((arguments[i] == "-L" || arguments[i] == "--libdir") && i + 1 < arguments.size())
            return arguments[i + 1];
        if (arguments[i].starts_with(k_long))
            return arguments[i].substr(k_long.size());
    }
    return std::nullopt;
}

} // namespace

Folders plugin_folders(const std::vector<std::string>& arguments) {
    if (const auto named = named_folder(arguments))
        return {*named};
    return {"/usr/lib/criu", "/usr/local/lib/criu"};
}

std::string plugin_for(std::string_view device) {
    return device.starts_with("/dev/nvidia") ? "cuda_plugin.so" : "amdgpu_plugin.so";
}

bool has_plugin(const Folders& folders, const std::string& name) {
    std::error_code ignored;
    return std::ranges::any_of(folders, [&](const fs::path& folder) { return fs::exists(folder / name, ignored); });
}

bool has_any_plugin(const Folders& folders) {
    std::error_code ignored;
    for (const fs::path& folder : folders)
        for (const auto& entry : fs::directory_iterator(folder, ignored))
            if (entry.path().extension() == ".so")
                return true;
    return false;
}

} // namespace cedana::criu
