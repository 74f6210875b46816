// SPDX-License-Identifier: Apache-2.0
#include "cedana/containers/podman_import.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/memory.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/units.hpp"
#include "cedana/containers/changed_files.hpp"
#include "cedana/containers/entry_names.hpp"
#include "cedana/containers/podman.hpp"
#include "cedana/containers/podman_description.hpp"
#include "cedana/containers/runtime_state.hpp"
#include "cedana/containers/tar_writer.hpp"
#include "cedana/containers/volumes.hpp"
#include "cedana/criu/pagemap.hpp"
#include "cedana/criu/tree_images.hpp"
#include "cedana/model/image_bytes.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <set>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sys/stat.h>

#include "engine_archive.hpp"
#include "tar_entry.hpp"
#include "tar_reader.hpp"

namespace cedana::containers {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view k_images = "checkpoint/";
constexpr std::string_view k_volumes = "volumes/";
constexpr const char* k_statistics = "stats-dump";
constexpr const char* k_deleted = "deleted.files";
constexpr std::string_view k_image_suffix = ".img";

[[noreturn]] void refuse_archive(const std::string& why) {
    throw Error(Fault::checkpoint, "the archive is refused: " + why);
}

bool is_image_of_pages(const std::string& name) { return name.starts_with("pages-"); }

// Of images that are looked at here; all others may be as large as memory is.
bool is_looked_at(const std::string& name) {
    return name == "pstree.img" || name == "inventory.img" || name == "filelocks.img" || name.starts_with("core-") ||
           name.starts_with("pagemap-");
}

// Paths in the container, as podman says them.
std::vector<std::string> parse_deleted(const std::string& text) {
    try {
        return nlohmann::json::parse(text).get<std::vector<std::string>>();
    } catch (const nlohmann::json::exception&) {
        refuse_archive(fmt::format("{} cannot be read", k_deleted));
    }
}

// An archive in the archive, entry by entry: what is not whole, or has no usable names, ends here and not in a restore.
class InnerArchive {
  public:
    InnerArchive(EngineArchive& outer, const std::string& image, ImageSink& sink, const Interrupt& interrupt)
        : bytes_(outer.entry_size()), interrupt_(interrupt), from_([&outer] { return outer.next_block(); }),
          to_(sink, image, interrupt) {}

    void copy() {
        while (archive_entry* const read = from_.next()) {
            interrupt_.throw_if_pending();
            const TarEntry entry = read_tar_entry(read);
            to_.begin(entry);
            if (S_ISREG(entry.info.st_mode) && entry.same_as.empty())
                copy_content(entry.name);
        }
        to_.finish();
    }

  private:
    void copy_content(const std::string& name) {
        while (true) {
            const std::span<const std::byte> bytes = from_.read_some(buffer_);
            if (bytes.empty())
                return;
            // Holes are none of podman's, and could be larger than any disk.
            if (copied_ += bytes.size(); copied_ > bytes_)
                refuse_archive(fmt::format("its file /{} is larger than what holds it", printable(name)));
            to_.append(bytes, name);
        }
    }

    std::uint64_t bytes_;
    std::uint64_t copied_ = 0;
    const Interrupt& interrupt_;
    TarReader from_;
    TarWriter to_;
    std::vector<std::byte> buffer_ = std::vector<std::byte>(k_mib);
};

// What was read of it, in whatever order it came.
struct ReadParts {
    std::map<std::string, std::string> texts;
    std::map<std::string, std::string> images;
    // Of images of pages their sizes, by name.
    std::map<std::string, std::uint64_t> pages;
    std::int64_t made = 0;
};

class ImportReading {
  public:
    ImportReading(EngineArchive& archive, ContainerRecord& record, ImageSink& sink, const Interrupt& interrupt)
        : archive_(archive), record_(record), sink_(sink), interrupt_(interrupt) {}

    ReadParts run(const std::function<void(std::uint64_t)>& progress) {
        while (archive_.next()) {
            interrupt_.throw_if_pending();
            take();
            progress(archive_.bytes_read());
        }
        return std::move(parts_);
    }

  private:
    void take() {
        const std::string& name = archive_.entry_name();
        if (name.starts_with(k_images) && name.size() > k_images.size())
            return take_of_checkpoint(name.substr(k_images.size()));
        if (name.starts_with(k_volumes) && name.size() > k_volumes.size())
            return take_volume(name.substr(k_volumes.size()));
        if (name == "rootfs-diff.tar")
            return take_archive(k_root_files);
        if (name == "devshm-checkpoint.tar")
            return take_archive(k_shm_files);
        if (name == "network.status") {
            const std::string& status = parts_.texts[k_podman_folder + name] = text();
            record_.networks = read_networks(status);
        } else if (name == k_deleted) {
            parts_.texts[k_removed_entry] = write_removed(removed_by(text()));
        } else if (name == k_statistics) {
            parts_.images[name] = text();
        }
    }

    [[nodiscard]] std::string text() {
        require_new(archive_.entry_name());
        return archive_.content();
    }

    void require_new(const std::string& name) {
        if (!archive_.is_file())
            refuse_archive(fmt::format("{} is no file", printable(name)));
        if (!seen_.insert(name).second)
            refuse_archive(fmt::format("{} is there twice", printable(name)));
    }

    static std::vector<std::string> removed_by(const std::string& deleted) {
        std::vector<std::string> removed;
        for (const std::string& path : parse_deleted(deleted))
            if (std::string inner = parse_inner_path(path); !inner.empty())
                removed.push_back(std::move(inner));
        return removed;
    }

    void take_archive(const std::string& image) {
        require_new(archive_.entry_name());
        InnerArchive(archive_, image, sink_, interrupt_).copy();
    }

    // One of CRIU's, or what runc has put beside them.
    void take_of_checkpoint(const std::string& name) {
        if (name == "descriptors.json") {
            parts_.texts[k_descriptors_entry] = text();
            return;
        }
        // CRIU's link to the folder with what was dumped before.
        if (name == "parent")
            throw Error(Fault::usage, "the archive holds only what has changed since an earlier checkpoint")
                .hint("podman container checkpoint --export without --with-previous");
        if (!name.ends_with(k_image_suffix))
            return;
        require_new(archive_.entry_name());
        if (!is_plain_name(name))
            refuse_archive(fmt::format("{} is no name of an image", printable(name)));
        parts_.made = std::max(parts_.made, archive_.modified());
        if (is_looked_at(name))
            take_small(name);
        else
            take_large(name);
    }

    void take_small(const std::string& name) {
        const std::string content = archive_.content();
        const int image = sink_.begin(name);
        fill_image(sink_, image, std::as_bytes(std::span(content)), interrupt_);
        sink_.end(image);
        parts_.images[name] = content;
    }

    void take_large(const std::string& name) {
        const int image = sink_.begin(name);
        std::uint64_t size = 0;
        for (auto bytes = archive_.next_block(); !bytes.empty(); bytes = archive_.next_block()) {
            fill_image(sink_, image, bytes, interrupt_);
            size += bytes.size();
        }
        sink_.end(image);
        if (is_image_of_pages(name))
            parts_.pages[name] = size;
    }

    void take_volume(const std::string& file) {
        constexpr std::string_view k_tar = ".tar";
        const std::string volume = file.ends_with(k_tar) ? file.substr(0, file.size() - k_tar.size()) : std::string();
        const std::string content = fmt::format("container-volume-{}", volumes_++);
        bool is_known = false;
        for (ContainerMount& mount : record_.mounts)
            if (mount.kind == MountSource::volume && mount.source == volume) {
                mount.content = content;
                is_known = true;
            }
        if (!is_known)
            refuse_archive(fmt::format("the container has no volume of the name {}", printable(file)));
        take_archive(images_of_volume(content).ahead);
    }

    EngineArchive& archive_;
    ContainerRecord& record_;
    ImageSink& sink_;
    const Interrupt& interrupt_;
    std::set<std::string> seen_;
    unsigned volumes_ = 1;
    ReadParts parts_;
};

const std::string& required_image(const ReadParts& parts, const std::string& name) {
    const auto found = parts.images.find(name);
    if (found == parts.images.end())
        refuse_archive(fmt::format("it lacks checkpoint/{}", name));
    return found->second;
}

void require_pages(const ReadParts& parts, const std::string& name) {
    const auto content = parts.images.find(name);
    // One that has ended and is not reaped has no memory.
    if (content == parts.images.end())
        return;
    const criu::Pagemap map = criu::parse_pagemap(content->second);
    const auto pages = parts.pages.find(map.pages_image());
    const std::uint64_t size = pages == parts.pages.end() ? 0 : pages->second;
    if (size < map.pages() * page_size())
        refuse_archive(fmt::format("{} is not as long as checkpoint/{} says", map.pages_image(), name));
}

// Of one that was cut off between two files, or put together of others, something is missing that another part names.
void require_whole(const ReadParts& parts) {
    static_cast<void>(required_image(parts, "inventory.img"));
    const std::vector<criu::DumpedProcess> tree = criu::parse_tree(required_image(parts, "pstree.img"));
    if (tree.empty())
        refuse_archive("it holds no process");
    for (const criu::DumpedProcess& process : tree) {
        for (const pid_t thread : process.threads)
            static_cast<void>(required_image(parts, fmt::format("core-{}.img", thread)));
        // Of others there may be some too: podman keeps the folder of an earlier checkpoint of a container that ran on.
        require_pages(parts, fmt::format("pagemap-{}.img", process.pid));
    }
    if (!parts.texts.contains(k_descriptors_entry))
        refuse_archive("it lacks checkpoint/descriptors.json");
}

} // namespace

PodmanImport::PodmanImport(fs::path path, const Interrupt& interrupt) : path_(std::move(path)), interrupt_(interrupt) {
    file_ = UniqueFd(::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    if (!file_)
        throw OsFailure(Fault::storage).error("cannot open {}", printable(path_.string()));
    struct ::stat info {};
    if (::fstat(file_.get(), &info) != 0)
        throw OsFailure(Fault::storage).error("cannot look at {}", printable(path_.string()));
    if (!S_ISREG(info.st_mode))
        throw Error(Fault::usage, fmt::format("{} is no file", printable(path_.string())));
    size_ = static_cast<std::uint64_t>(info.st_size);
    EngineArchive archive(file_.get(), interrupt_);
    if (!archive.is_compressed())
        require_end();
    while (description_.size() < 2 && archive.next())
        if (const std::string& name = archive.entry_name(); name == "config.dump" || name == "spec.dump")
            description_[name] = archive.content();
    for (const char* name : {"config.dump", "spec.dump"})
        if (!description_.contains(name))
            refuse_archive(fmt::format("it lacks {}", name));
    record_ = read_record(description_);
    // /dev/console comes from outside of the container, and runc has no name for it.
    if (record_.has_terminal)
        throw Error(Fault::usage, "the container has a terminal (-t), which podman's archive does not hold")
            .hint("cedana client dump --container does; for an archive start it without -t");
}

// An archive that ends without its two blocks of zeros (pax(1)) was cut off, perhaps just between two files.
void PodmanImport::require_end() const {
    constexpr std::size_t k_end = 1024;
    std::array<char, k_end> end{};
    if (size_ < k_end || ::pread(file_.get(), end.data(), k_end, static_cast<off_t>(size_ - k_end)) != k_end ||
        std::ranges::any_of(end, [](char one) { return one != 0; }))
        refuse_archive("it is no tar archive, or was cut off");
}

void PodmanImport::read(ImageSink& sink, const std::function<void(std::uint64_t done)>& progress) {
    EngineArchive archive(file_.get(), interrupt_);
    ReadParts parts = ImportReading(archive, record_, sink, interrupt_).run(progress);
    require_whole(parts);
    for (auto& [name, content] : description_)
        parts.texts[k_podman_folder + name] = content;
    texts_ = std::move(parts.texts);
    images_ = std::move(parts.images);
    made_ =
        std::min(std::chrono::system_clock::now(),
                 std::chrono::system_clock::time_point(std::chrono::seconds(std::max<std::int64_t>(parts.made, 0))));
}

const std::string& PodmanImport::image(const std::string& name) const {
    static const std::string none;
    const auto found = images_.find(name);
    return found == images_.end() ? none : found->second;
}

} // namespace cedana::containers
