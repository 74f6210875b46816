// SPDX-License-Identifier: Apache-2.0
#include "cedana/containers/engine_restore.hpp"

#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"

#include <system_error>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

namespace cedana::containers {

void EngineRestore::leave(const std::string& what, const std::exception& why) const {
    spdlog::warn("{} could not be removed, and the next dump, restore or check --clean is to do it: {}", what,
                 why.what());
    if (left_)
        left_();
}

void require_usable(const Engine& engine, const ContainerThere& there, const ContainerRecord& record,
                    const std::string& name, std::chrono::system_clock::time_point made) {
    const std::string hint =
        fmt::format("pass --as with another name, or remove it: {} rm -f {}", engine.name(), printable(name));
    if (there.id != record.id)
        throw Error(Fault::restore_failed, fmt::format("another container has the name {}", printable(name)))
            .hint(hint);
    // "stopped" is podman's alone.
    if (there.status != "exited" && there.status != "stopped")
        throw Error(Fault::restore_failed,
                    fmt::format("container {} is there: it is {}", printable(name), printable(there.status)))
            .hint(hint);
    if (there.started > made)
        throw Error(Fault::restore_failed, fmt::format("container {} was started again since the checkpoint was made, "
                                                       "and may have changed its files",
                                                       printable(name)))
            .hint(hint);
}

Error missing_image(const Engine& engine, const ContainerRecord& record) {
    return Error(Fault::environment, fmt::format("the image of the container, {} ({}), is not here",
                                                 printable(record.image), printable(record.image_id)))
        .hint(
            fmt::format("get it first: {0} pull {1}, or {0} save and load it", engine.name(), printable(record.image)));
}

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
