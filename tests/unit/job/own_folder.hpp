// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cedana/base/files.hpp"

#include <filesystem>

namespace cedana::testing {

class OwnFolder {
  public:
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return folder_.path(); }

  private:
    TempDir folder_{std::filesystem::temp_directory_path(), "cedana-test"};
};

} // namespace cedana::testing
