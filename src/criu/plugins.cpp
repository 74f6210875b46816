// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/plugins.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"

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

// What criu/bpfmap.c says of an error ("Can't load key-value pairs to BPF map"), which is left out without
// CONFIG_HAS_LIBBPF (criu/Makefile.crtools); the messages of its images are there in any case. criu itself does not
// tell what it was built with.
bool knows_bpf_maps(const fs::path& program) {
    constexpr std::size_t k_most = 256UL * 1024 * 1024;
    try {
        const std::string content = read_file(program, k_most);
        return !content.starts_with("\177ELF") || content.find("to BPF map") != std::string::npos;
    } catch (const Error&) {
        return true;
    }
}

} // namespace cedana::criu
