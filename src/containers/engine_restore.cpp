// SPDX-License-Identifier: Apache-2.0
#include "cedana/containers/engine_restore.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"

#include <system_error>

#include <spdlog/fmt/fmt.h>

namespace cedana::containers {

std::filesystem::path make_runtime_images(const std::filesystem::path& work, const std::string& external_descriptors) {
    std::filesystem::path images = work / "images";
    std::error_code error;
    std::filesystem::create_directory(images, error);
    if (error)
        throw os_error(error.value(), fmt::format("cannot make {}", images.string()), Fault::storage);
    replace_file(images / "descriptors.json", external_descriptors);
    return images;
}

} // namespace cedana::containers
