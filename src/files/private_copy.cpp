// SPDX-License-Identifier: Apache-2.0
#include "cedana/files/private_copy.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/file_reads.hpp"
#include "cedana/base/files.hpp"
#include "cedana/files/partial_file.hpp"

#include <algorithm>
#include <cerrno>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

// Copying so much takes about a millisecond; writing a dirty page to the disk takes longer.
constexpr std::uint64_t k_small = 4UL * 1024 * 1024;
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

UniqueFd clone_file(int fd, const fs::path& path) {
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
    UniqueFd fd = nameless_file(folder_);
    return fd ? std::move(fd) : unlinked_file(folder_);
}

void CopySpace::prepare(int fd, const fs::path& path, std::uint64_t size) {
    // Where nothing can be cloned this does nothing, and so does it no harm.
    if (size > k_small)
        static_cast<void>(clone_file(fd, path));
}

UniqueFd CopySpace::copy(int fd, const fs::path& path, std::uint64_t size) {
    if (size > k_small)
        if (UniqueFd clone = clone_file(fd, path))
            return clone;
    UniqueFd to = space_for(size);
    copy_bytes(fd, 0, size, to.get(), path);
    return to;
}

} // namespace cedana
