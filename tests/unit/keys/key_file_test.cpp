// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/keys/key_file.hpp"

#include <functional>
#include <string>

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include "unit/temp_folder.hpp"

namespace cedana {
namespace {

namespace fs = std::filesystem;

class KeyFiles : public test::InTempFolder {
  protected:
    [[nodiscard]] fs::path with_mode(mode_t mode) const {
        fs::path file = write("key", "secret");
        EXPECT_EQ(::chmod(file.c_str(), mode), 0);
        return file;
    }
    static Error error_of(const std::function<void()>& work) {
        try {
            work();
        } catch (const Error& error) {
            return error;
        }
        return {Fault::internal, "nothing was thrown"};
    }
    static Error error_of_reading(KeyFile kind, const fs::path& file) {
        return error_of([&] { static_cast<void>(read_key_file(kind, file, "security.a_key")); });
    }
    static mode_t mode_of(const fs::path& file) {
        struct ::stat info {};
        EXPECT_EQ(::lstat(file.c_str(), &info), 0);
        return info.st_mode & 07777;
    }
};

TEST_F(KeyFiles, AreRead) {
    for (const auto& [kind, mode] :
         {std::pair(KeyFile::secret, 0600U), std::pair(KeyFile::secret, 0400U), std::pair(KeyFile::published, 0644U)}) {
        const SecretBytes content = read_key_file(kind, with_mode(mode), "security.a_key");
        EXPECT_EQ(std::string(reinterpret_cast<const char*>(content.bytes().data()), content.size()), "secret");
    }
}

TEST_F(KeyFiles, ThatOthersMayReadAreRefusedIfTheyAreSecret) {
    for (const mode_t mode : {0640U, 0604U, 0601U}) {
        const Error error = error_of_reading(KeyFile::secret, with_mode(mode));
        EXPECT_EQ(error.fault(), Fault::permission) << mode;
        EXPECT_EQ(error.hint(), "chmod 600 " + path("key").string());
    }
}

TEST_F(KeyFiles, ThatOthersMayWriteAreRefused) {
    for (const KeyFile kind : {KeyFile::secret, KeyFile::published}) {
        const Error error = error_of_reading(kind, with_mode(0646));
        EXPECT_EQ(error.fault(), Fault::permission);
        EXPECT_EQ(error.hint(), "chmod o-w " + path("key").string());
    }
}

// Whoever can write there can put another key in its place.
TEST_F(KeyFiles, InFoldersThatOthersMayWriteAreRefused) {
    fs::create_directories(path("open/closed"));
    fs::create_symlink(path("open/closed/key"), path("link"));
    write("open/closed/key", "secret");
    ASSERT_EQ(::chmod(path("open").c_str(), 0757), 0);
    for (const char* name : {"open/closed/key", "link"}) {
        const Error error = error_of_reading(KeyFile::published, path(name));
        EXPECT_EQ(error.fault(), Fault::permission) << name;
        EXPECT_EQ(error.hint(), "chmod o-w " + path("open").string()) << name;
    }
}

TEST_F(KeyFiles, OfSomebodyElseAreRefused) {
    if (::geteuid() != 0)
        GTEST_SKIP() << "needs root to give a file away";
    const fs::path file = with_mode(0600);
    ASSERT_EQ(::chown(file.c_str(), 65534, 65534), 0);
    EXPECT_EQ(error_of_reading(KeyFile::secret, file).fault(), Fault::permission);
}

TEST_F(KeyFiles, ThatAreNoneAreRefusedWithTheSettingThatNamesThem) {
    ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
    for (const fs::path& file : {path("absent"), path(""), path("fifo")}) {
        const Error error = error_of_reading(KeyFile::secret, file);
        EXPECT_EQ(error.fault(), Fault::usage) << file;
        EXPECT_NE(error.hint().find("security.a_key"), std::string::npos) << file;
    }
}

TEST_F(KeyFiles, AreMadeWithTheirModeWhateverTheUmaskIs) {
    const mode_t before = ::umask(0);
    create_key_file(KeyFile::secret, path("a"), {});
    ::umask(0777);
    create_key_file(KeyFile::secret, path("b"), {});
    create_key_file(KeyFile::published, path("c"), {});
    ::umask(before);
    EXPECT_EQ(mode_of(path("a")), 0600U);
    EXPECT_EQ(mode_of(path("b")), 0600U);
    EXPECT_EQ(mode_of(path("c")), 0644U);
}

TEST_F(KeyFiles, AreNeverOverwrittenNorMadeThroughALink) {
    write("there", "old");
    fs::create_symlink(path("elsewhere"), path("link"));
    for (const char* name : {"there", "link"})
        EXPECT_EQ(error_of([&] { create_key_file(KeyFile::secret, path(name), {}); }).fault(), Fault::usage) << name;
    EXPECT_EQ(read_file(path("there")), "old");
    EXPECT_FALSE(fs::exists(path("elsewhere")));
}

} // namespace
} // namespace cedana
