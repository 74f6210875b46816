// SPDX-License-Identifier: Apache-2.0
// A small file system in memory: another device, or one that is soon full. Needs root.
#pragma once

#include <cstdint>
#include <filesystem>

namespace cedana::testing {

class Tmpfs {
  public:
    Tmpfs() = default;
    Tmpfs(const Tmpfs&) = delete;
    Tmpfs& operator=(const Tmpfs&) = delete;
    // Unmounts.
    ~Tmpfs();

    // Makes the folder and mounts there; false where this process may not mount. Throws Error for any other failure.
    [[nodiscard]] bool mount(const std::filesystem::path& folder, std::uint64_t bytes);

  private:
    std::filesystem::path folder_;
};

} // namespace cedana::testing
