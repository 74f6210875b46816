// SPDX-License-Identifier: Apache-2.0
#include "cedana/containers/folder_capture.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/extended_attributes.hpp"
#include "cedana/base/kernel_time.hpp"
#include "cedana/base/open_folder.hpp"
#include "cedana/base/text.hpp"
#include "cedana/containers/tar_writer.hpp"
#include "cedana/process/memory_areas.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cedana::containers {

namespace {

constexpr std::string_view k_overlay_prefix = "trusted.overlay.";

// By a path that leads to the name itself, whatever that is.
std::string name_in(int folder, const std::string& name) { return fmt::format("/proc/self/fd/{}/{}", folder, name); }

using Attributes = std::vector<std::pair<std::string, std::string>>;

std::string target_of(int folder, const std::string& name) {
    std::array<char, PATH_MAX> target{};
    const ssize_t size = ::readlinkat(folder, name.c_str(), target.data(), target.size());
    if (size < 0)
        throw OsFailure(Fault::storage).error("cannot read the link {}", printable(name));
    return {target.data(), static_cast<std::size_t>(size)};
}

bool is_whiteout(const struct ::stat& info) { return S_ISCHR(info.st_mode) && info.st_rdev == 0; }

using Pass = FolderCapture::Pass;

struct WalkPlan {
    Pass pass;
    FolderKind kind;
    const std::set<std::string>& left_out;
    const std::set<FileId>& mapped;
    std::chrono::nanoseconds settled_after;
};

class FolderWalk {
  public:
    FolderWalk(const WalkPlan& plan, SeenFiles& seen, TarWriter* archive, const Interrupt& interrupt)
        : plan_(plan), seen_(seen), archive_(archive), interrupt_(interrupt), began_(time_of_clock(CLOCK_REALTIME)) {}

    ChangedFiles run(int folder) {
        struct ::stat info {};
        if (::fstat(folder, &info) != 0)
            throw OsFailure(Fault::storage).error("cannot look at the files of the container");
        device_ = info.st_dev;
        if (archive_ != nullptr)
            archive_->add({.name = ".", .info = info, .attributes = attributes_of(name_in(folder, "."))}, -1);
        walk(folder, "");
        if (plan_.pass == Pass::rest)
            for (const auto& [path, seen] : seen_)
                if (!seen.is_still_there)
                    changed_.outdated.push_back(path);
        std::ranges::sort(changed_.outdated);
        return std::move(changed_);
    }

  private:
    // A folder that is put into the archive once something in it is: what comes into it changes its time.
    struct WaitingFolder {
        TarEntry entry;
        bool is_put = false;
    };

    void walk(int folder, const std::string& above) {
        const int copy = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        const OpenFolder entries(copy < 0 ? nullptr : ::fdopendir(copy));
        if (!entries)
            throw OsFailure(Fault::storage).error("cannot read the container's folder /{}", printable(above));
        std::vector<std::string> names;
        while (const dirent* entry = ::readdir(entries.get()))
            if (const std::string_view name = entry->d_name; name != "." && name != "..")
                names.emplace_back(name);
        // The same archive of the same files.
        std::ranges::sort(names);
        for (const std::string& name : names) {
            interrupt_.throw_if_pending();
            add(folder, name, above.empty() ? name : fmt::format("{}/{}", above, name));
        }
    }

    void add(int folder, const std::string& name, const std::string& path) {
        if (plan_.left_out.contains(path))
            return;
        struct ::stat info {};
        if (::fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
            // Of a container that runs.
            if (errno == ENOENT)
                return;
            throw OsFailure(Fault::storage).error("cannot look at the container's file /{}", printable(path));
        }
        if (plan_.kind == FolderKind::upper && is_whiteout(info)) {
            changed_.removed.push_back(path);
        } else if (S_ISDIR(info.st_mode)) {
            add_folder(folder, name, path, info);
        } else if (!S_ISSOCK(info.st_mode)) {
            // A socket's name is made by whoever listens there, or by CRIU.
            add_file(folder, name, path, info);
        }
    }

    // All but what overlayfs keeps there for itself.
    static Attributes attributes_of(const std::string& place) {
        Attributes attributes;
        for (const std::string& name : attribute_names_of(place))
            if (!name.empty() && !name.starts_with(k_overlay_prefix))
                if (auto value = attribute_of(place, name))
                    attributes.emplace_back(name, std::move(*value));
        return attributes;
    }

    void look_at_overlay(const std::string& place, const std::string& path) {
        for (const std::string& name : attribute_names_of(place)) {
            if (name == "trusted.overlay.redirect")
                throw Error(Fault::dump_failed,
                            fmt::format("the container's folder /{} was renamed, and its overlay keeps where it was "
                                        "alone (redirect_dir), which cedana cannot capture",
                                        printable(path)))
                    .hint("mount its storage with redirect_dir=off (storage.conf, mountopt)");
            if (name == "trusted.overlay.metacopy")
                throw Error(Fault::dump_failed, fmt::format("of the container's file /{} its overlay keeps the mode "
                                                            "alone (metacopy), which cedana cannot capture",
                                                            printable(path)))
                    .hint("mount its storage with metacopy=off (storage.conf, mountopt)");
            if (name == "trusted.overlay.opaque" && attribute_of(place, name).value_or("") == "y")
                changed_.removed.push_back(path);
        }
    }

    void add_folder(int folder, const std::string& name, const std::string& path, const struct ::stat& info) {
        const UniqueFd inner(::openat(folder, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!inner) {
            if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)
                return;
            throw OsFailure(Fault::storage).error("cannot open the container's folder /{}", printable(path));
        }
        const std::string place = name_in(inner.get(), ".");
        if (plan_.kind == FolderKind::upper)
            look_at_overlay(place, path);
        const bool is_same = note(path, info);
        above_.push_back({.entry = {.name = path, .info = info, .attributes = attributes_of(place)}});
        if (!is_same)
            put_folders();
        // What somebody has mounted there is not of it.
        if (info.st_dev == device_)
            walk(inner.get(), path);
        above_.pop_back();
    }

    // Those above what comes next.
    void put_folders() {
        for (WaitingFolder& folder : above_)
            if (!std::exchange(folder.is_put, true) && archive_ != nullptr)
                archive_->add(folder.entry, -1);
    }

    // Whether it is as it was noted.
    bool note(const std::string& path, const struct ::stat& info) {
        if (plan_.pass == Pass::ahead) {
            (seen_)[path] = {.id = file_id(info),
                             .size = info.st_size,
                             .changed = nanoseconds_of(info.st_ctim),
                             .is_settled = nanoseconds_of(info.st_ctim) + plan_.settled_after < began_};
            return false;
        }
        if (plan_.pass == Pass::measure)
            return false;
        const auto seen = seen_.find(path);
        if (seen == seen_.end())
            return false;
        SeenFile& file = seen->second;
        file.is_still_there = true;
        return file.is_settled && file.id == file_id(info) && file.size == info.st_size &&
               file.changed == nanoseconds_of(info.st_ctim) && !plan_.mapped.contains(file.id);
    }

    void add_file(int folder, const std::string& name, const std::string& path, const struct ::stat& info) {
        if (plan_.kind == FolderKind::upper && S_ISREG(info.st_mode))
            look_at_overlay(name_in(folder, name), path);
        if (note(path, info))
            return;
        ++changed_.files;
        changed_.bytes += S_ISREG(info.st_mode) ? static_cast<std::uint64_t>(info.st_size) : 0;
        if (archive_ == nullptr)
            return;
        TarEntry entry{.name = path, .info = info, .attributes = attributes_of(name_in(folder, name))};
        if (S_ISLNK(info.st_mode))
            entry.target = target_of(folder, name);
        UniqueFd file;
        if (S_ISREG(info.st_mode)) {
            file = open_regular(folder, name, entry.info);
            if (!file)
                return;
        }
        if (!S_ISLNK(info.st_mode) && info.st_nlink > 1)
            if (const auto [known, is_new] = links_.emplace(file_id(entry.info), path); !is_new)
                entry.same_as = known->second;
        put_folders();
        archive_->add(entry, file.get());
    }

    // Invalid where the name has gone, or is of something else by now, which must not be opened at all.
    static UniqueFd open_regular(int folder, const std::string& name, struct ::stat& info) {
        const UniqueFd place(::openat(folder, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
        if (place && ::fstat(place.get(), &info) == 0 && S_ISREG(info.st_mode)) {
            UniqueFd file(::open(fmt::format("/proc/self/fd/{}", place.get()).c_str(), O_RDONLY | O_CLOEXEC));
            if (file)
                return file;
        } else if (place || errno == ENOENT) {
            return {};
        }
        throw OsFailure(Fault::storage).error("cannot open the container's file {}", printable(name));
    }

    WalkPlan plan_;
    SeenFiles& seen_;
    TarWriter* archive_;
    const Interrupt& interrupt_;
    std::chrono::nanoseconds began_;
    dev_t device_ = 0;
    ChangedFiles changed_;
    std::vector<WaitingFolder> above_;
    std::map<FileId, std::string> links_;
};

} // namespace

FolderCapture::FolderCapture(UniqueFd folder, FolderKind kind, FolderImages images, std::set<std::string> left_out,
                             std::chrono::nanoseconds settled_after)
    : folder_(std::move(folder)), kind_(kind), images_(std::move(images)), left_out_(std::move(left_out)),
      settled_after_(settled_after) {}

// By all names that they have.
void FolderCapture::note_mapped(const std::set<std::string>& paths) {
    for (const std::string& path : paths)
        if (const auto id = file_id_at(folder_.get(), path))
            mapped_.insert(*id);
}

void FolderCapture::take_ahead(const std::set<std::string>& mapped, ImageSink& sink, const Interrupt& interrupt) {
    note_mapped(mapped);
    TarWriter archive(sink, images_.ahead, interrupt);
    static_cast<void>(walk(Pass::ahead, &archive, interrupt));
    archive.finish();
}

ChangedFiles FolderCapture::take_rest(const std::set<std::string>& mapped, ImageSink& sink,
                                      const Interrupt& interrupt) {
    note_mapped(mapped);
    TarWriter archive(sink, images_.since, interrupt);
    ChangedFiles changed = walk(Pass::rest, &archive, interrupt);
    archive.finish();
    return changed;
}

ChangedFiles FolderCapture::measure() { return walk(Pass::measure, nullptr, Interrupt::none()); }

ChangedFiles FolderCapture::walk(Pass pass, TarWriter* archive, const Interrupt& interrupt) {
    const WalkPlan plan{
        .pass = pass, .kind = kind_, .left_out = left_out_, .mapped = mapped_, .settled_after = settled_after_};
    return FolderWalk(plan, seen_, archive, interrupt).run(folder_.get());
}

std::set<std::string> shared_mappings_in(std::string_view maps) {
    std::set<std::string> paths;
    for (const MemoryArea& area : parse_areas(maps)) {
        if (area.is_private || !area.name.starts_with('/'))
            continue;
        // Of a path only its line breaks are escaped (proc_pid_maps(5)).
        std::string name(area.name.substr(1));
        for (std::size_t at = 0; (at = name.find("\\012", at)) != std::string::npos; ++at)
            name.replace(at, 4, "\n");
        paths.insert(std::move(name));
    }
    return paths;
}

} // namespace cedana::containers
