// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/system_path.hpp"

#include "cedana/base/text.hpp"

#include <utility>

#include <spdlog/fmt/fmt.h>

#include <unistd.h>

namespace cedana {

std::optional<std::string> find_in_system_path(const std::string& program) {
    if (program.find('/') != std::string::npos)
        return ::access(program.c_str(), X_OK) == 0 ? std::optional(program) : std::nullopt;
    for (const std::string& folder : split(k_system_path, ':'))
        if (std::string path = fmt::format("{}/{}", folder, program); ::access(path.c_str(), X_OK) == 0)
            return path;
    return std::nullopt;
}

} // namespace cedana
