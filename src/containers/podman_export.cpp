// SPDX-License-Identifier: Apache-2.0
#include "cedana/containers/podman_export.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/event_fd.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/containers/changed_files.hpp"
#include "cedana/containers/entry_names.hpp"
#include "cedana/containers/merged_files.hpp"
#include "cedana/containers/runtime_state.hpp"
#include "cedana/containers/tar_writer.hpp"
#include "cedana/containers/volumes.hpp"
#include "cedana/model/image_bytes.hpp"

#include <algorithm>
#include <ctime>
#include <set>
#include <span>
#include <utility>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

#include <sys/stat.h>

namespace cedana::containers {

namespace {

using TakeBytes = std::function<void(std::span<const std::byte>)>;

// Whatever comes goes there; of one image at a time.
class BytesTo final : public ImageSink {
  public:
    explicit BytesTo(TakeBytes take) : take_(std::move(take)) {}
    int begin(const std::string& /*name*/) override { return 0; }
    std::span<std::byte> space(int /*image*/) override { return buffer_; }
    void filled(int /*image*/, std::size_t count) override { take_(std::span<const std::byte>(buffer_).first(count)); }
    void refer(int /*image*/, std::span<const std::byte> bytes) override { take_(bytes); }
    void end(int /*image*/) override {}
    [[nodiscard]] int space_ready() const override { return event_.fd(); }

  private:
    TakeBytes take_;
    std::vector<std::byte> buffer_ = std::vector<std::byte>(64UL * 1024);
    EventFd event_;
};

// Those that are mended (criu/mended_images) are as long as they come to be, and small.
bool may_be_mended(const std::string& name) {
    return name.starts_with("core-") || name.starts_with("mm-") || name == "pstree.img" || name == "files.img" ||
           name == "tty-info.img";
}

class PodmanExporting {
  public:
    PodmanExporting(int file, const std::filesystem::path& path, const PodmanExport& what, ImageSource& criu,
                    ImageSource& files, const Interrupt& interrupt)
        : what_(what), criu_(criu), files_(files), interrupt_(interrupt),
          sink_([file, &path](std::span<const std::byte> bytes) { write_all(file, bytes, path); }),
          archive_(sink_, path.filename().string(), interrupt) {}

    void run() {
        for (const auto& [name, content] : what_.description)
            put_text(name, content);
        put_folder("checkpoint");
        put_text("checkpoint/descriptors.json", what_.external_descriptors);
        for (const ExportedImage& image : what_.images)
            put_image(image);
        put_files();
        put_volumes();
        archive_.finish();
    }

  private:
    [[nodiscard]] TarEntry entry_of(std::string name, mode_t mode, std::uint64_t size) const {
        TarEntry entry{.name = std::move(name)};
        entry.info.st_mode = mode;
        entry.info.st_nlink = 1;
        entry.info.st_size = static_cast<off_t>(size);
        entry.info.st_mtime = now_;
        return entry;
    }
    void put_folder(const std::string& name) { archive_.begin(entry_of(name, S_IFDIR | 0700, 0)); }
    void put_text(const std::string& name, const std::string& content) {
        archive_.begin(entry_of(name, S_IFREG | 0600, content.size()));
        archive_.append(std::as_bytes(std::span(content)), name);
    }

    void put_image(const ExportedImage& image) {
        const std::string name = "checkpoint/" + image.name;
        ImageBytes bytes(criu_, image.name, interrupt_);
        if (may_be_mended(image.name)) {
            std::string content;
            for (auto piece = bytes.next(); !piece.empty(); piece = bytes.next())
                content.append(reinterpret_cast<const char*>(piece.data()), piece.size());
            put_text(name, content);
        } else {
            archive_.begin(entry_of(name, S_IFREG | 0600, image.size));
            std::uint64_t size = 0;
            for (auto piece = bytes.next(); !piece.empty(); piece = bytes.next()) {
                archive_.append(piece, name);
                size += piece.size();
                what_.progress(done_ += piece.size());
            }
            if (size != image.size)
                throw Error(Fault::internal, fmt::format("the image {} is not as long as it was to be", image.name));
        }
    }

    // An archive in the archive: it is made twice, since its size stands before it.
    std::vector<std::string> put_merged(const std::string& name, const MergedFiles& files) {
        std::uint64_t size = 0;
        const auto merge = [&](const TakeBytes& take) {
            BytesTo sink(take);
            TarWriter inner(sink, name, interrupt_);
            std::vector<std::string> left = write_merged_files(files, files_, inner, interrupt_);
            inner.finish();
            return left;
        };
        static_cast<void>(merge([&](std::span<const std::byte> bytes) { size += bytes.size(); }));
        archive_.begin(entry_of(name, S_IFREG | 0600, size));
        return merge([&](std::span<const std::byte> bytes) { archive_.append(bytes, name); });
    }

    void put_files() {
        if (files_.exists(k_shm_files))
            static_cast<void>(put_merged("devshm-checkpoint.tar", {.images = {.ahead = k_shm_files, .since = {}}}));
        if (!files_.exists(k_root_files))
            return;
        auto deleted = nlohmann::json::array();
        for (const std::string& path :
             put_merged("rootfs-diff.tar", {.images = {.ahead = k_root_files, .since = k_root_files_since},
                                           .removed = paths_in(k_removed_entry),
                                           .outdated = paths_in(k_outdated_entry)}))
            deleted.push_back("/" + path);
        if (!deleted.empty())
            put_text("deleted.files", deleted.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    }

    void put_volumes() {
        std::set<std::string> put;
        for (const ContainerMount& mount : what_.container.mounts) {
            if (mount.kind != MountSource::volume || mount.content.empty() || !put.insert(mount.source).second)
                continue;
            if (!is_plain_name(mount.source))
                throw Error(Fault::checkpoint, fmt::format("the checkpoint is not safe to use: {} is no name of a "
                                                           "volume",
                                                           printable(mount.source)));
            if (put.size() == 1)
                put_folder("volumes");
            static_cast<void>(put_merged(fmt::format("volumes/{}.tar", mount.source),
                                         {.images = images_of_volume(mount.content),
                                          .outdated = paths_in(outdated_entry_of_volume(mount.content))}));
        }
    }

    [[nodiscard]] std::set<std::string> paths_in(const std::string& entry) const {
        const std::vector<std::string> paths = parse_removed(what_.text(entry));
        return {paths.begin(), paths.end()};
    }

    const PodmanExport& what_;
    ImageSource& criu_;
    ImageSource& files_;
    const Interrupt& interrupt_;
    std::time_t now_ = std::time(nullptr);
    std::uint64_t done_ = 0;
    BytesTo sink_;
    TarWriter archive_;
};

} // namespace

std::vector<ExportedImage> images_of_criu(const std::vector<ExportedImage>& images, const ContainerRecord& container) {
    std::set<std::string> archives = {k_root_files, k_root_files_since, k_shm_files};
    for (const ContainerMount& mount : container.mounts)
        if (!mount.content.empty()) {
            const FolderImages names = images_of_volume(mount.content);
            archives.insert({names.ahead, names.since});
        }
    std::vector<ExportedImage> of_criu;
    for (const ExportedImage& image : images) {
        if (image.name.find('/') != std::string::npos)
            throw Error(Fault::checkpoint, fmt::format("the checkpoint is not safe to use: {} is no name of an image",
                                                       printable(image.name)));
        if (!archives.contains(image.name))
            of_criu.push_back(image);
    }
    return of_criu;
}

void write_podman_export(int file, const std::filesystem::path& path, const PodmanExport& what, ImageSource& criu,
                         ImageSource& files, const Interrupt& interrupt) {
    PodmanExporting(file, path, what, criu, files, interrupt).run();
}

} // namespace cedana::containers
