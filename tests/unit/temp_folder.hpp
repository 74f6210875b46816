// SPDX-License-Identifier: Apache-2.0
// A test's own folder under the system's, which goes away with the test.
#pragma once

#include "cedana/base/files.hpp"

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace cedana::test {

class InTempFolder : public ::testing::Test {
  protected:
    [[nodiscard]] std::filesystem::path path(const std::string& name) const { return folder_.path() / name; }
    std::filesystem::path write(const std::string& name, std::string_view content) const {
        std::ofstream(path(name)) << content;
        return path(name);
    }

  private:
    TempDir folder_{std::filesystem::temp_directory_path(), "cedana-test"};
};

} // namespace cedana::test
