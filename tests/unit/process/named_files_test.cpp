// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/process/named_files.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <sys/stat.h>

#include "unit/temp_folder.hpp"

namespace cedana {
namespace {

namespace fs = std::filesystem;

class NamingFiles : public test::InTempFolder {
  protected:
    NamingFiles() {
        fs::create_directories(home / "app/data");
        std::ofstream(home / "app/data/file") << "text";
        std::ofstream(home / "beside") << "text";
        fs::create_symlink("nowhere", home / "app/link");
        ::mkfifo((home / "app/pipe").c_str(), 0600);
    }
    // Of those below the folder.
    [[nodiscard]] std::vector<std::string> places(const NamedFiles& named) const {
        std::vector<std::string> paths;
        for (const NamedPlace& place : named.places)
            if (place.path.starts_with(home.string() + "/"))
                paths.push_back(place.path.substr(home.string().size()) + (place.is_link() ? "@" : ""));
        return paths;
    }

    const fs::path home = fs::canonical(path(""));
};

TEST_F(NamingFiles, FindsAllBelowAFolderAndTheWayThere) {
    for (const char* const name : {"app", "app/", "./app/data/.."}) {
        const NamedFiles named = look_at_named_files({home / name});
        EXPECT_EQ(named.places.front().path, "/" + std::next(home.begin())->string());
        EXPECT_EQ(places(named), (std::vector<std::string>{"/app", "/app/data", "/app/link@"})) << name;
        ASSERT_EQ(named.files.files.size(), 1U);
        EXPECT_EQ(named.files.files.front().path, (home / "app/data/file").string());
        EXPECT_TRUE(named.files.files.front().is_named);
        EXPECT_EQ(named.left_out, std::vector<fs::path>{home / "app/pipe"});
    }
}

TEST_F(NamingFiles, TakesEachOnce) {
    const NamedFiles named = look_at_named_files({home / "app/data/file", home / "app", home / "beside"});
    EXPECT_EQ(named.files.files.size(), 2U);
}

TEST_F(NamingFiles, RefusesWhatIsNotThereAndWhatIsTheKernels) {
    for (const fs::path& one : {home / "gone", home / "gone/file", fs::path("/proc/self/maps"), fs::path("/")}) {
        try {
            static_cast<void>(look_at_named_files({one}));
            ADD_FAILURE() << one;
        } catch (const Error& error) {
            EXPECT_EQ(error.fault(), Fault::usage) << one;
        }
    }
}

} // namespace
} // namespace cedana
