// SPDX-License-Identifier: Apache-2.0
#include "cedana/containers/unpack.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <string_view>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tar_reader.hpp"

namespace cedana::containers {

namespace {

[[noreturn]] void refuse_file(const std::string& path, const std::string& why) {
    throw Error(Fault::checkpoint,
                fmt::format("the checkpoint is refused: its file /{} {}, and nobody who is trusted has signed it",
                            printable(path), why))
        .hint("sign checkpoints (security.signing_key) and trust the key (security.trusted_keys)");
}

// Any user may set them on a file of his own, but for the limits of access lists.
bool is_harmless_attribute(std::string_view name) {
    return name.starts_with("user.") || name.starts_with("system.posix_acl_");
}

class Unpacking {
  public:
    Unpacking(const RootFolder& root, TarReader& archive, ArchiveTrust trust)
        : root_(root), archive_(archive), trust_(trust) {}

    void put(archive_entry* entry) {
        const char* const name = ::archive_entry_pathname(entry);
        const std::string path = parse_inner_path(name == nullptr ? "" : name);
        const struct ::stat* const info = ::archive_entry_stat(entry);
        if (path.empty())
            return set_all(name_of_root(), path, *info, entry);
        require_harmless(path, *info, entry);
        make_folders_above(path);
        const PlaceInRoot place = root_.place_of(path);
        if (const char* const same = ::archive_entry_hardlink(entry); same != nullptr)
            return link(place, path, same);
        make(place, path, *info, entry);
        set_all(fmt::format("/proc/self/fd/{}/{}", place.folder.get(), place.name), path, *info, entry);
        if (S_ISDIR(info->st_mode))
            folder_times_.emplace_back(path, std::array{info->st_atim, info->st_mtim});
    }

    // What was put into a folder has changed its time.
    void set_folder_times() {
        for (const auto& [path, times] : folder_times_)
            if (const UniqueFd folder = root_.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW))
                ::futimens(folder.get(), times.data());
    }

  private:
    [[nodiscard]] bool trusts() const { return trust_ == ArchiveTrust::signed_by_trusted; }

    [[nodiscard]] std::string name_of_root() const { return fmt::format("/proc/self/fd/{}/.", root_.fd()); }

    void require_harmless(const std::string& path, const struct ::stat& info, archive_entry* entry) const {
        if (trusts())
            return;
        if (S_ISBLK(info.st_mode) || S_ISCHR(info.st_mode))
            refuse_file(path, "is a device");
        if (S_ISREG(info.st_mode) && (info.st_mode & (S_ISUID | S_ISGID)) != 0)
            refuse_file(path, "is a program that changes the user or the group");
        ::archive_entry_xattr_reset(entry);
        const char* name = nullptr;
        const void* value = nullptr;
        std::size_t size = 0;
        while (::archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK)
            if (name == nullptr || !is_harmless_attribute(name))
                refuse_file(path, fmt::format("has the attribute {}", printable(name == nullptr ? "" : name)));
    }

    // podman's archives have what is in a new folder without the folder, where that was an older one's place.
    void make_folders_above(const std::string& path) const {
        constexpr mode_t k_mode = 0755;
        for (std::size_t slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
            const PlaceInRoot place = root_.place_of(path.substr(0, slash));
            if (struct ::stat there{};
                ::fstatat(place.folder.get(), place.name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT)
                continue;
            if (::mkdirat(place.folder.get(), place.name.c_str(), k_mode) != 0 && errno != EEXIST)
                throw OsFailure(Fault::storage)
                    .error("cannot make the container's folder /{}", printable(path.substr(0, slash)));
        }
    }

    void link(const PlaceInRoot& place, const std::string& path, const char* same) const {
        const std::string target = parse_inner_path(same);
        if (target.empty())
            refuse_file(path, "is the same as its folder");
        const PlaceInRoot other = root_.place_of(target);
        remove_place(place);
        if (::linkat(other.folder.get(), other.name.c_str(), place.folder.get(), place.name.c_str(), 0) != 0)
            throw OsFailure(Fault::storage).error("cannot link the container's file /{}", printable(path));
    }

    void make(const PlaceInRoot& place, const std::string& path, const struct ::stat& info, archive_entry* entry) {
        const int folder = place.folder.get();
        const char* const name = place.name.c_str();
        if (S_ISDIR(info.st_mode)) {
            if (struct ::stat there{};
                ::fstatat(folder, name, &there, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(there.st_mode))
                return;
        }
        remove_place(place);
        int made = -1;
        if (S_ISDIR(info.st_mode))
            made = ::mkdirat(folder, name, 0700);
        else if (S_ISLNK(info.st_mode))
            made = ::symlinkat(::archive_entry_symlink(entry), folder, name);
        else if (S_ISREG(info.st_mode))
            made = write_file(folder, name, path);
        else if (S_ISFIFO(info.st_mode) || S_ISCHR(info.st_mode) || S_ISBLK(info.st_mode))
            made = ::mknodat(folder, name, (info.st_mode & S_IFMT) | 0600, info.st_rdev);
        else
            refuse_file(path, "is of an unknown kind");
        if (made != 0)
            throw OsFailure(Fault::storage).error("cannot make the container's file /{}", printable(path));
    }

    int write_file(int folder, const char* name, const std::string& path) {
        const UniqueFd file(::openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
        if (!file)
            return -1;
        archive_.copy_to(file.get(), path);
        return 0;
    }

    // The owner first: it takes away the bits that change the user (chown(2)).
    static void set_all(const std::string& place, const std::string& path, const struct ::stat& info,
                        archive_entry* entry) {
        const auto require = [&](int result) {
            if (result != 0)
                throw OsFailure(Fault::storage).error("cannot set what the container's file /{} has", printable(path));
        };
        require(::lchown(place.c_str(), info.st_uid, info.st_gid));
        const char* name = nullptr;
        const void* value = nullptr;
        std::size_t size = 0;
        ::archive_entry_xattr_reset(entry);
        while (::archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK)
            require(::lsetxattr(place.c_str(), name, value, size, 0));
        if (!S_ISLNK(info.st_mode))
            require(::chmod(place.c_str(), info.st_mode & 07777));
        const std::array times = {info.st_atim, info.st_mtim};
        require(::utimensat(AT_FDCWD, place.c_str(), times.data(), AT_SYMLINK_NOFOLLOW));
    }

    const RootFolder& root_;
    TarReader& archive_;
    ArchiveTrust trust_;
    std::vector<std::pair<std::string, std::array<timespec, 2>>> folder_times_;
};

} // namespace

void remove_files(const RootFolder& root, const std::vector<std::string>& removed) {
    for (const std::string& path : removed)
        root.remove(path);
}

void unpack(const RootFolder& root, ImageSource& source, const std::string& image, ArchiveTrust trust,
            const Interrupt& interrupt) {
    TarReader archive(source, image, interrupt);
    Unpacking unpacking(root, archive, trust);
    while (archive_entry* const entry = archive.next()) {
        interrupt.throw_if_pending();
        unpacking.put(entry);
    }
    unpacking.set_folder_times();
}

} // namespace cedana::containers
