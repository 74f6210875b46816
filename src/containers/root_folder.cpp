// SPDX-License-Identifier: Apache-2.0
#include "cedana/containers/root_folder.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/open_folder.hpp"
#include "cedana/base/text.hpp"

#include <cerrno>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace cedana::containers {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t k_same_file_system = RESOLVE_NO_XDEV;

// openat2(2); the C library has no function for it.
UniqueFd open_inside(int folder, const std::string& path, int flags, std::uint64_t resolve) {
    struct open_how how {};
    how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
    how.resolve = resolve | RESOLVE_NO_MAGICLINKS;
    return UniqueFd(static_cast<int>(::syscall(SYS_openat2, folder, path.c_str(), &how, sizeof how)));
}

void empty_folder(int folder, const std::string& name);

void remove_entry(int folder, const std::string& name) {
    if (::unlinkat(folder, name.c_str(), 0) == 0 || errno == ENOENT)
        return;
    // unlink(2): EISDIR of a folder, on Linux.
    if (errno != EISDIR)
        throw OsFailure(Fault::storage).error("cannot remove {}", printable(name));
    empty_folder(folder, name);
    if (::unlinkat(folder, name.c_str(), AT_REMOVEDIR) != 0)
        throw OsFailure(Fault::storage).error("cannot remove the folder {}", printable(name));
}

void empty_folder(int folder, const std::string& name) {
    UniqueFd inner =
        open_inside(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, RESOLVE_BENEATH | k_same_file_system);
    if (!inner)
        throw OsFailure(Fault::storage).error("cannot open the folder {}", printable(name));
    const int fd = inner.get();
    const OpenFolder entries(::fdopendir(fd));
    if (!entries)
        throw OsFailure(Fault::storage).error("cannot read the folder {}", printable(name));
    static_cast<void>(inner.release());
    while (const dirent* entry = ::readdir(entries.get()))
        if (const std::string_view found = entry->d_name; found != "." && found != "..")
            remove_entry(fd, std::string(found));
}

} // namespace

RootFolder::RootFolder(const fs::path& path) : path_(path), fd_(open_file(path, O_PATH | O_DIRECTORY)) {}

UniqueFd RootFolder::open(const std::string& path, int flags) const {
    return open_inside(fd_.get(), path.empty() ? "." : path, flags, RESOLVE_IN_ROOT | k_same_file_system);
}

UniqueFd RootFolder::open_across(const std::string& path, int flags) const {
    return open_inside(fd_.get(), path.empty() ? "." : path, flags, RESOLVE_IN_ROOT);
}

PlaceInRoot RootFolder::place_of(const std::string& path) const {
    const std::size_t slash = path.rfind('/');
    const std::string above = slash == std::string::npos ? "." : path.substr(0, slash);
    UniqueFd folder = open_inside(fd_.get(), above, O_PATH | O_DIRECTORY | O_NOFOLLOW,
                                  RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | k_same_file_system);
    if (!folder) {
        const int err = errno;
        throw Error(Fault::checkpoint, fmt::format("the checkpoint has a file {}, above which there is no such folder "
                                                   "in the container: {}",
                                                   printable(path), errno_text(err)));
    }
    return {.folder = std::move(folder), .name = slash == std::string::npos ? path : path.substr(slash + 1)};
}

void RootFolder::remove(const std::string& path) const {
    const std::size_t slash = path.rfind('/');
    // What lay above it may have gone before it.
    if (slash != std::string::npos &&
        !open_inside(fd_.get(), path.substr(0, slash), O_PATH | O_DIRECTORY,
                     RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | k_same_file_system) &&
        (errno == ENOENT || errno == ENOTDIR))
        return;
    remove_place(place_of(path));
}

std::string parse_inner_path(std::string_view path) {
    std::string inner;
    for (const std::string& part : split(path, '/')) {
        if (part.empty() || part == ".")
            continue;
        if (part == "..")
            throw Error(Fault::checkpoint, fmt::format("the checkpoint is not safe to use: its file {} leads out of "
                                                       "the container",
                                                       printable(path)));
        if (!inner.empty())
            inner += '/';
        inner += part;
    }
    if (inner.find('\0') != std::string::npos)
        throw Error(Fault::checkpoint, "the checkpoint is not safe to use: a file of it has no usable name");
    return inner;
}

void remove_place(const PlaceInRoot& place) { remove_entry(place.folder.get(), place.name); }

} // namespace cedana::containers
