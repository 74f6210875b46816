// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/export_container.hpp"

#include "cedana/action/container_steps.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/rename.hpp"
#include "cedana/base/text.hpp"
#include "cedana/checkpoint/reader.hpp"
#include "cedana/checkpoint/small_images.hpp"
#include "cedana/containers/entry_names.hpp"
#include "cedana/containers/podman.hpp"
#include "cedana/containers/podman_description.hpp"
#include "cedana/containers/podman_export.hpp"
#include "cedana/criu/mended_images.hpp"
#include "cedana/criu/restore.hpp"
#include "cedana/files/partial_file.hpp"

#include <algorithm>
#include <system_error>
#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sys/stat.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

fs::path place_of(const ExportRequest& request) {
    std::error_code error;
    const fs::path named = fs::absolute(request.archive, error).lexically_normal();
    const fs::path folder = fs::canonical(named.parent_path(), error);
    if (error || !named.has_filename())
        throw Error(Fault::storage, fmt::format("there is no folder {}", printable(named.parent_path().string())))
            .hint(fmt::format("mkdir -p {}", shell_word(named.parent_path().string())));
    return folder / named.filename();
}

void require_free(const fs::path& path, bool overwrites) {
    std::error_code ignored;
    const fs::file_status there = fs::symlink_status(path, ignored);
    if (!fs::exists(there))
        return;
    if (!fs::is_regular_file(there))
        throw Error(Fault::usage, fmt::format("{} is there already, and is no file", printable(path.string())))
            .hint("name another file");
    if (!overwrites)
        throw Error(Fault::usage, fmt::format("{} is there already", printable(path.string())))
            .hint("name another file, or pass --force to overwrite it");
}

const ContainerRecord& require_podman(const Checkpoint& checkpoint, const fs::path& path) {
    const Manifest& manifest = checkpoint.manifest();
    if (!manifest.container || manifest.container->engine != "podman")
        throw Error(Fault::usage,
                    fmt::format("{} is no checkpoint of a container of podman's", printable(path.string())))
            .hint("only podman has archives of checkpoints that another podman takes");
    // /dev/console comes from outside of the container, and runc has no name for it.
    if (manifest.container->has_terminal)
        throw Error(Fault::usage, "the container has a terminal (-t), and podman by itself cannot bring that back")
            .hint("cedana client restore can; for an archive start it without -t");
    if (!manifest.cannot_be_restored.empty())
        throw Error(
            Fault::restore_failed,
            fmt::format("this checkpoint cannot be restored because {}",
                        printable(fmt::format("{}", fmt::join(manifest.cannot_be_restored, "; and because ")))));
    return *manifest.container;
}

// As CRIU reads them, by which what is mended of one is known from those before it: the tree, the first thread of each
// process, all others.
std::vector<containers::ExportedImage> images_in_order(const Checkpoint& checkpoint, const ContainerRecord& record) {
    std::vector<containers::ExportedImage> all;
    for (const ImageRecord& image : checkpoint.index().images)
        all.push_back({.name = image.name, .size = image.size});
    std::vector<containers::ExportedImage> images = containers::images_of_criu(all, record);
    const auto pstree = SmallImages(checkpoint).read("pstree.img");
    const criu::TreeThreads tree = pstree ? criu::parse_tree_threads(*pstree) : criu::TreeThreads();
    const auto rank = [&](const containers::ExportedImage& image) {
        if (image.name == "pstree.img")
            return 0;
        return std::ranges::any_of(tree.process_of,
                                   [&](const auto& thread) {
                                       return thread.first == thread.second &&
                                              image.name == fmt::format("core-{}.img", thread.first);
                                   })
                   ? 1
                   : 2;
    };
    std::ranges::stable_sort(images, {}, rank);
    return images;
}

containers::SmallFiles description_of(const Checkpoint& checkpoint, const ContainerRecord& record) {
    containers::SmallFiles description = podman_description(checkpoint);
    if (!description.contains("config.dump") || !description.contains("spec.dump"))
        throw Error(Fault::checkpoint, "the checkpoint does not hold podman's description of the container");
    // Its images are as runc names what is outside of a container.
    if (record.runtime == "crun")
        containers::change_runtime(description, "runc");
    return description;
}

void write_archive(const ExportRequest& request, const Checkpoint& checkpoint, int file, const fs::path& path,
                   const Interrupt& interrupt, Progress& progress) {
    const ContainerRecord& record = *checkpoint.manifest().container;
    const std::uint64_t total = checkpoint.manifest().bytes_images;
    checkpoint.check_texts();
    CheckpointImages images(checkpoint, request.config);
    CheckpointImages files(checkpoint, request.config);
    criu::MendedImages mended(images, criu::granted_at_once(), criu::HugePages::sent);
    containers::write_podman_export(
        file, path,
        {.container = record,
         .description = description_of(checkpoint, record),
         .external_descriptors = checkpoint.text(containers::k_descriptors_entry).value_or("[]"),
         .images = images_in_order(checkpoint, record),
         .text = [&](const std::string& entry) { return checkpoint.text(entry).value_or(""); },
         .progress = [&](std::uint64_t done) { progress.bytes(done, total); }},
        mended, files, interrupt);
}

void publish(const fs::path& partial, const fs::path& path, bool overwrites) {
    if (!overwrites) {
        if (!rename_new(partial, path))
            throw Error(Fault::usage, fmt::format("{} is there by now", printable(path.string())))
                .hint("name another file, or pass --force to overwrite it");
    } else if (const int err = rename_at(AT_FDCWD, partial.string(), AT_FDCWD, path.string(), 0); err != 0) {
        throw os_error(err, fmt::format("cannot give {} its name", printable(path.string())), Fault::storage);
    }
}

} // namespace

ExportResult export_container(const ExportRequest& request, const Interrupt& interrupt, Progress& progress) {
    const fs::path path = place_of(request);
    require_free(path, request.overwrites);
    const Checkpoint checkpoint(request.checkpoint, request.keyring);
    const ContainerRecord& record = require_podman(checkpoint, request.checkpoint);
    progress.phase("exporting");
    const fs::path partial = path.parent_path() / partial_name(path.stem().string());
    UniqueFd file = create_partial(partial);
    if (!file)
        throw Error(Fault::storage, fmt::format("{} is there already", printable(partial.string())))
            .hint("`cedana check --clean -d FOLDER` removes what was left there");
    RemoveOnFailure leftover(partial);
    write_archive(request, checkpoint, file.get(), partial, interrupt, progress);
    sync_file(file.get(), partial);
    interrupt.throw_if_pending();
    struct ::stat info {};
    if (::fstat(file.get(), &info) != 0)
        throw OsFailure(Fault::storage).error("cannot look at {}", printable(partial.string()));
    // Still locked: else whoever cleans up might take it.
    publish(partial, path, request.overwrites);
    leftover.commit();
    sync_folder(path.parent_path());
    close_checked(std::move(file), path);
    progress.done();
    return {.checkpoint = request.checkpoint,
            .archive = path,
            .name = record.name,
            .bytes = static_cast<std::uint64_t>(info.st_size)};
}

} // namespace cedana
