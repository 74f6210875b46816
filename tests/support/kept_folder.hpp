// SPDX-License-Identifier: Apache-2.0
// A folder of one test's own. It is removed at the end, unless the test failed: then it stays and its path is printed.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace cedana::testing {

class KeptFolder {
  public:
    // Mode 0755, so that other users' processes can be given files in it. Throws Error.
    KeptFolder();
    KeptFolder(const KeptFolder&) = delete;
    KeptFolder& operator=(const KeptFolder&) = delete;
    ~KeptFolder();

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

  private:
    std::filesystem::path path_;
};

// Makes the folders above it too; replaces what is there.
void write_text(const std::filesystem::path& path, const std::string& text);
// As write_text(), mode 0755.
void write_script(const std::filesystem::path& path, const std::string& text);
// The names in a folder that end in `suffix`, sorted.
[[nodiscard]] std::vector<std::string> names_in(const std::filesystem::path& folder, const std::string& suffix = "");

} // namespace cedana::testing
