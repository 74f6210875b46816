// SPDX-License-Identifier: Apache-2.0
#include "cedana/files/private_copy.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/file_reads.hpp"
#include "cedana/base/files.hpp"
#include "cedana/files/partial_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t k_block = 1024UL * 1024;

UniqueFd memory_file() { return UniqueFd(::memfd_create("cedana-copy", MFD_CLOEXEC)); }

// For file systems without O_TMPFILE. Between the two calls it looks like a partial file whose writer is alive; if that
// is killed just there, the next dump removes it.
UniqueFd unlinked_file(const fs::path& folder) {
    for (int number = 1;; ++number) {
        const fs::path name = folder / partial_name(fmt::format(".cedana-copy-{}", number));
        if (UniqueFd fd = create_partial(name)) {
            ::unlink(name.c_str());
            return fd;
        }
    }
}

} // namespace

UniqueFd nameless_file(const fs::path& folder) {
    return UniqueFd(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
}

UniqueFd spare_file(const fs::path& folder) {
    UniqueFd fd = nameless_file(folder);
    return fd ? std::move(fd) : unlinked_file(folder);
}

// A file without a name is a file of its folder, and whoever watches that hears of it (inotify(7)).
bool may_be_cloned(const fs::path& path) {
    // linux/magic.h: btrfs, xfs, bcachefs, ocfs2, nfs, smb, overlayfs; and zfs.
    constexpr std::array<std::uint32_t, 9> k_kinds = {0x9123683E, 0x58465342, 0xCA451A4E, 0x7461636F, 0x6969,
                                                      0xFF534D42, 0xFE534D42, 0x794C7630, 0x2FC12FC1};
    struct ::statfs info {};
    return ::statfs(path.c_str(), &info) == 0 &&
           std::ranges::count(k_kinds, static_cast<std::uint32_t>(info.f_type)) != 0;
}

UniqueFd clone_file(int fd, const fs::path& path) {
    if (!may_be_cloned(path.parent_path()))
        return {};
    UniqueFd copy = nameless_file(path.parent_path());
    if (copy && ::ioctl(copy.get(), FICLONE, fd) != 0)
        copy.reset();
    return copy;
}

std::uint64_t copy_bytes(int from, std::uint64_t offset, std::uint64_t size, int to, const fs::path& path) {
    std::vector<std::byte> buffer(std::min<std::uint64_t>(size, k_block));
    std::uint64_t done = 0;
    while (done < size) {
        const auto wanted = std::span(buffer).first(std::min<std::uint64_t>(size - done, buffer.size()));
        const auto block = wanted.first(read_at(from, offset + done, wanted, path));
        if (block.empty())
            break;
        write_all(to, block, fmt::format("the copy of {}", path.string()));
        done += block.size();
    }
    return done;
}

UniqueFd CopySpace::space_for(std::uint64_t size) {
    if (size <= memory_) {
        if (UniqueFd fd = memory_file()) {
            memory_ -= size;
            return fd;
        }
    }
    return spare_file(folder_);
}

UniqueFd CopySpace::copy(int fd, const fs::path& path, std::uint64_t size, FilePosition position,
                         const std::function<void()>& moved) {
    if (size > k_least_cloned)
        if (UniqueFd clone = clone_file(fd, path))
            return clone;
    struct ::stat info {};
    if (::fstat(fd, &info) != 0)
        throw OsFailure(Fault::storage).error("cannot look at {}", path.string());
    constexpr std::uint64_t k_block_of_stat = 512;
    UniqueFd to = space_for(std::min(size, static_cast<std::uint64_t>(info.st_blocks) * k_block_of_stat));
    const fs::path of_copy = fmt::format("the copy of {}", path.string());
    const SparseFile file{.fd = fd, .position = position, .path = path, .size = size};
    const auto whole = read_pieces(file, [&](std::uint64_t offset, std::span<const std::byte> data) {
        if (::lseek(to.get(), static_cast<off_t>(offset), SEEK_SET) < 0)
            throw OsFailure(Fault::storage).error("cannot write {}", of_copy.string());
        write_all(to.get(), data, of_copy);
        if (moved)
            moved();
    });
    // If somebody outside has cut the file, the copy ends where the file ended.
    if (whole == true && ::ftruncate(to.get(), static_cast<off_t>(size)) != 0)
        throw OsFailure(Fault::storage).error("cannot write {}", of_copy.string());
    return to;
}

} // namespace cedana
