// SPDX-License-Identifier: Apache-2.0
#include "cedana/host/description.hpp"

#include "cedana/base/files.hpp"
#include "cedana/base/system_names.hpp"
#include "cedana/base/text.hpp"

#include <string>
#include <string_view>
#include <utility>

namespace cedana {

namespace {

std::string first_value(const std::string& text, std::string_view key) {
    for (const std::string& line : split(text, '\n'))
        if (line.starts_with(key))
            if (const std::size_t colon = line.find(':'); colon != std::string::npos)
                return std::string(trim(std::string_view(line).substr(colon + 1)));
    return {};
}

} // namespace

ManifestHost describe_host() {
    SystemNames names = system_names();
    const std::string cpuinfo = read_file("/proc/cpuinfo");
    return {.name = std::move(names.host),
            .kernel = std::move(names.kernel),
            .machine = std::move(names.machine),
            .cpu_model = first_value(cpuinfo, "model name"),
            .cpu_flags = split(first_value(cpuinfo, "flags"), ' ')};
}

} // namespace cedana
