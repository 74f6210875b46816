// SPDX-License-Identifier: Apache-2.0
// A copy of a file as it is at this moment, to be read at leisure. It has no name, so nobody else gets at it and it is
// gone with this process, however that ends.
#pragma once

#include "cedana/base/unique_fd.hpp"
#include "cedana/files/sparse_copy.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>

namespace cedana {

// A file without a name in `folder`, mode 0600; none where the file system has no such files.
[[nodiscard]] UniqueFd nameless_file(const std::filesystem::path& folder);
// The same on any file system: where it has none, a file whose name was taken away again. Throws Error(Fault::storage).
[[nodiscard]] UniqueFd spare_file(const std::filesystem::path& folder);

// A copy that shares its blocks with the file (FICLONE), so that it takes next to no time, in the file's own folder and
// without a name. None where the file system cannot. `path`: of the file.
[[nodiscard]] UniqueFd clone_file(int fd, const std::filesystem::path& path);
// Files of less are copied, since cloning first writes what is dirty to the disk.
inline constexpr std::uint64_t k_least_cloned = 4UL * 1024 * 1024;
// Whether files can be cloned there, as far as its kind tells. Opens nothing.
[[nodiscard]] bool may_be_cloned(const std::filesystem::path& path);

class CopySpace {
  public:
    // Copies that are not clones lie in memory up to `memory` bytes in all, and from there on in `folder`.
    CopySpace(std::filesystem::path folder, std::uint64_t memory) : folder_(std::move(folder)), memory_(memory) {}

    // The copy, readable from its start. `fd`: the file, open for reading; `path`: of the file; `size`: what it has
    // now. A large file is cloned where that works; a small one is copied, since cloning first writes what is dirty to
    // the disk. Holes stay holes where they can be seen. `moved`: called for each MiB. Throws Error of the errno.
    [[nodiscard]] UniqueFd copy(int fd, const std::filesystem::path& path, std::uint64_t size,
                                FilePosition position = FilePosition::own, const std::function<void()>& moved = {});

  private:
    [[nodiscard]] UniqueFd space_for(std::uint64_t size);

    std::filesystem::path folder_;
    std::uint64_t memory_;
};

// Copies `size` bytes from `offset` on to the end of `to`; how many there were. Throws Error.
std::uint64_t copy_bytes(int from, std::uint64_t offset, std::uint64_t size, int to, const std::filesystem::path& path);

} // namespace cedana
