// SPDX-License-Identifier: Apache-2.0
#include "cedana/containers/changed_files.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/file_id.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/open_folder.hpp"
#include "cedana/base/text.hpp"
#include "cedana/containers/root_folder.hpp"
#include "cedana/containers/tar_writer.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <map>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace cedana::containers {

namespace {

constexpr std::string_view k_overlay_prefix = "trusted.overlay.";

// By a path that leads to the name itself, whatever that is.
std::string name_in(int folder, const std::string& name) { return fmt::format("/proc/self/fd/{}/{}", folder, name); }

std::optional<std::string> attribute_of(const std::string& path, const char* attribute) {
    std::string value(XATTR_SIZE_MAX, '\0');
    const ssize_t size = ::lgetxattr(path.c_str(), attribute, value.data(), value.size());
    if (size < 0)
        return std::nullopt;
    value.resize(static_cast<std::size_t>(size));
    return value;
}

// All but what overlayfs keeps there for itself.
std::vector<std::pair<std::string, std::string>> attributes_of(const std::string& path) {
    std::string names(XATTR_LIST_MAX, '\0');
    const ssize_t size = ::llistxattr(path.c_str(), names.data(), names.size());
    std::vector<std::pair<std::string, std::string>> attributes;
    if (size <= 0)
        return attributes;
    names.resize(static_cast<std::size_t>(size));
    for (const std::string& name : split(names, '\0'))
        if (!name.empty() && !name.starts_with(k_overlay_prefix))
            if (auto value = attribute_of(path, name.c_str()))
                attributes.emplace_back(name, std::move(*value));
    return attributes;
}

std::string target_of(int folder, const std::string& name) {
    std::array<char, PATH_MAX> target{};
    const ssize_t size = ::readlinkat(folder, name.c_str(), target.data(), target.size());
    if (size < 0)
        throw OsFailure(Fault::storage).error("cannot read the link {}", printable(name));
    return {target.data(), static_cast<std::size_t>(size)};
}

bool is_whiteout(const struct ::stat& info) { return S_ISCHR(info.st_mode) && info.st_rdev == 0; }

// What is put into an archive, and what is only counted.
class Walk {
  public:
    Walk(const std::set<std::string>& mounted, TarWriter* archive, const Interrupt& interrupt)
        : mounted_(mounted), archive_(archive), interrupt_(interrupt) {}

    ChangedFiles run(int folder) {
        struct ::stat info {};
        if (::fstat(folder, &info) != 0)
            throw OsFailure(Fault::storage).error("cannot look at the files of the container");
        if (archive_ != nullptr)
            archive_->add({.name = ".", .info = info, .attributes = attributes_of(name_in(folder, "."))}, -1);
        walk(folder, "");
        return std::move(changed_);
    }

  private:
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
        if (mounted_.contains(path))
            return;
        struct ::stat info {};
        if (::fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
            // Of a container that runs.
            if (errno == ENOENT)
                return;
            throw OsFailure(Fault::storage).error("cannot look at the container's file /{}", printable(path));
        }
        if (is_whiteout(info)) {
            changed_.removed.push_back(path);
        } else if (S_ISDIR(info.st_mode)) {
            add_folder(folder, name, path, info);
        } else if (!S_ISSOCK(info.st_mode)) {
            // A socket's name is made by whoever listens there, or by CRIU.
            add_file(folder, name, path, info);
        }
    }

    void add_folder(int folder, const std::string& name, const std::string& path, const struct ::stat& info) {
        const std::string place = name_in(folder, name);
        if (attribute_of(place, "trusted.overlay.redirect"))
            throw Error(Fault::dump_failed,
                        fmt::format("the container's folder /{} was renamed, and its overlay keeps where it was alone "
                                    "(redirect_dir), which cedana cannot capture",
                                    printable(path)))
                .hint("mount its storage with redirect_dir=off (storage.conf, mountopt)");
        if (attribute_of(place, "trusted.overlay.opaque").value_or("") == "y")
            changed_.removed.push_back(path);
        const UniqueFd inner(::openat(folder, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!inner)
            throw OsFailure(Fault::storage).error("cannot open the container's folder /{}", printable(path));
        put({.name = path, .info = info, .attributes = attributes_of(place)}, -1);
        walk(inner.get(), path);
    }

    void add_file(int folder, const std::string& name, const std::string& path, const struct ::stat& info) {
        const std::string place = name_in(folder, name);
        if (attribute_of(place, "trusted.overlay.metacopy"))
            throw Error(Fault::dump_failed, fmt::format("of the container's file /{} its overlay keeps the mode alone "
                                                        "(metacopy), which cedana cannot capture",
                                                        printable(path)))
                .hint("mount its storage with metacopy=off (storage.conf, mountopt)");
        ++changed_.files;
        changed_.bytes += S_ISREG(info.st_mode) ? static_cast<std::uint64_t>(info.st_size) : 0;
        if (archive_ == nullptr)
            return;
        TarEntry entry{.name = path, .info = info, .attributes = attributes_of(place)};
        if (S_ISLNK(info.st_mode))
            entry.target = target_of(folder, name);
        else if (info.st_nlink > 1)
            if (const auto [known, is_new] = links_.emplace(file_id(info), path); !is_new)
                entry.same_as = known->second;
        UniqueFd file;
        if (S_ISREG(info.st_mode) && entry.same_as.empty()) {
            file = UniqueFd(::openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
            if (!file || ::fstat(file.get(), &entry.info) != 0)
                throw OsFailure(Fault::storage).error("cannot open the container's file /{}", printable(path));
        }
        put(entry, file.get());
    }

    void put(const TarEntry& entry, int file) {
        if (archive_ != nullptr)
            archive_->add(entry, file);
    }

    const std::set<std::string>& mounted_;
    TarWriter* archive_;
    const Interrupt& interrupt_;
    ChangedFiles changed_;
    std::map<FileId, std::string> links_;
};

UniqueFd open_upper(const Overlay& overlay) { return open_file(overlay.upper, O_RDONLY | O_DIRECTORY); }

// overlayfs escapes what would end an option.
std::string unescaped(std::string_view option) {
    std::string text;
    for (std::size_t at = 0; at < option.size(); ++at) {
        if (option[at] == '\\' && at + 1 < option.size())
            ++at;
        text += option[at];
    }
    return text;
}

} // namespace

std::optional<Overlay> find_overlay(const std::vector<Mount>& mounts) {
    constexpr std::string_view k_upper = "upperdir=";
    // Of several the last is seen.
    const auto root = std::ranges::find(mounts.rbegin(), mounts.rend(), std::string("/"), &Mount::path);
    if (root == mounts.rend() || root->type != "overlay")
        return std::nullopt;
    Overlay overlay;
    for (const std::string& option : split(root->options, ','))
        if (option.starts_with(k_upper))
            overlay.upper = unescaped(std::string_view(option).substr(k_upper.size()));
    if (!overlay.upper.is_absolute())
        return std::nullopt;
    for (const Mount& mount : mounts)
        if (mount.path.size() > 1)
            overlay.mounted.insert(mount.path.substr(1));
    return overlay;
}

ChangedFiles measure_changes(const Overlay& overlay) {
    const Interrupt none = Interrupt::none();
    return Walk(overlay.mounted, nullptr, none).run(open_upper(overlay).get());
}

ChangedFiles capture_changes(const Overlay& overlay, ImageSink& sink, const Interrupt& interrupt) {
    TarWriter archive(sink, k_root_files, interrupt);
    ChangedFiles changed = Walk(overlay.mounted, &archive, interrupt).run(open_upper(overlay).get());
    archive.finish();
    return changed;
}

void capture_folder(int folder, const std::string& image, ImageSink& sink, const Interrupt& interrupt) {
    static const std::set<std::string> k_nothing_mounted;
    TarWriter archive(sink, image, interrupt);
    static_cast<void>(Walk(k_nothing_mounted, &archive, interrupt).run(folder));
    archive.finish();
}

std::string write_removed(const std::vector<std::string>& removed) {
    std::string text;
    for (const std::string& path : removed)
        text.append(path).push_back('\0');
    return text;
}

std::vector<std::string> parse_removed(std::string_view text) {
    std::vector<std::string> removed;
    for (const std::string& path : split(text, '\0'))
        if (std::string inner = parse_inner_path(path); !inner.empty())
            removed.push_back(std::move(inner));
    return removed;
}

} // namespace cedana::containers
