// SPDX-License-Identifier: Apache-2.0
#include "support/kept_folder.hpp"

#include "cedana/base/error.hpp"

#include <algorithm>
#include <fstream>
#include <iostream>
#include <system_error>

#include <gtest/gtest.h>

#include <stdlib.h>
#include <sys/stat.h>

namespace cedana::testing {

namespace fs = std::filesystem;

KeptFolder::KeptFolder() {
    std::string name = fs::temp_directory_path() / "cedana-test.XXXXXX";
    if (::mkdtemp(name.data()) == nullptr)
        throw OsFailure().error("cannot make {}", name);
    path_ = name;
    ::chmod(path_.c_str(), 0755);
}

KeptFolder::~KeptFolder() {
    if (::testing::Test::HasFailure()) {
        std::cerr << "kept: " << path_.string() << std::endl;
        return;
    }
    std::error_code ignored;
    fs::remove_all(path_, ignored);
}

void write_text(const fs::path& path, const std::string& text) {
    fs::create_directories(path.parent_path());
    std::ofstream file(path, std::ios::binary);
    file << text << std::flush;
    if (!file)
        throw Error(Fault::storage, "cannot write " + path.string());
}

void write_script(const fs::path& path, const std::string& text) {
    write_text(path, text);
    ::chmod(path.c_str(), 0755);
}

std::vector<std::string> names_in(const fs::path& folder, const std::string& suffix) {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder))
        if (const std::string name = entry.path().filename(); name.ends_with(suffix))
            names.push_back(name);
    std::ranges::sort(names);
    return names;
}

} // namespace cedana::testing
