// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/files/verified_file.hpp"

#include <set>
#include <string>

#include <gtest/gtest.h>

#include <fcntl.h>

#include "unit/temp_folder.hpp"

namespace cedana {
namespace {

namespace fs = std::filesystem;
using Names = std::set<std::string>;

// "other" takes the name of "a.zip" where a test says so.
class Verified : public test::InTempFolder {
  protected:
    void swap() const { fs::rename(path("other"), zip); }
    Names names() const {
        Names found;
        for (const auto& entry : fs::directory_iterator(path("")))
            found.insert(entry.path().filename());
        return found;
    }

    fs::path zip = write("a.zip", "verified");
    fs::path other = write("other", "another");
    UniqueFd file = open_file(zip, O_RDONLY);
};

TEST_F(Verified, IsRemoved) {
    EXPECT_TRUE(VerifiedFile(zip, file.get()).remove());
    EXPECT_EQ(names(), (Names{"other"}));
}

TEST_F(Verified, IsRefusedWhenItsNameIsAnotherFilesAlready) {
    swap();
    EXPECT_THROW(VerifiedFile(zip, file.get()), Error);
    fs::remove(zip);
    EXPECT_THROW(VerifiedFile(zip, file.get()), Error);
}

TEST_F(Verified, IsNotRemovedWhenItsNameIsAnotherFiles) {
    VerifiedFile verified(zip, file.get());
    swap();
    EXPECT_FALSE(verified.remove());
    EXPECT_EQ(read_file(zip), "another");
    EXPECT_EQ(names(), (Names{"a.zip"}));
}

TEST_F(Verified, IsNotRemovedWhenItsNameBecomesAnotherFilesAtTheLastMoment) {
    EXPECT_FALSE(VerifiedFile(zip, file.get()).remove([&] { swap(); }));
    EXPECT_EQ(read_file(zip), "another");
    EXPECT_EQ(names(), (Names{"a.zip"}));
}

TEST_F(Verified, IsNotRemovedTwice) {
    VerifiedFile verified(zip, file.get());
    EXPECT_TRUE(verified.remove());
    EXPECT_FALSE(verified.remove());
    EXPECT_EQ(names(), (Names{"other"}));
}

TEST_F(Verified, IsRemovedFromItsFolderWhateverThatIsCalled) {
    fs::create_directory(path("store"));
    write("store/b.zip", "verified");
    const UniqueFd opened = open_file(path("store/b.zip"), O_RDONLY);
    VerifiedFile verified(path("store/b.zip"), opened.get());
    fs::rename(path("store"), path("elsewhere"));
    fs::create_directory(path("store"));
    write("store/b.zip", "another");
    EXPECT_TRUE(verified.remove());
    EXPECT_EQ(read_file(path("store/b.zip")), "another");
    EXPECT_TRUE(fs::is_empty(path("elsewhere")));
}

TEST_F(Verified, ThatALinkLeadsToKeepsItsOwnName) {
    fs::create_symlink("a.zip", path("link.zip"));
    EXPECT_TRUE(VerifiedFile(path("link.zip"), file.get()).remove());
    EXPECT_EQ(names(), (Names{"a.zip", "other"}));
}

class Replaced : public Verified {
  protected:
    fs::path partial = write("new.partial", "new");
    UniqueFd made = open_file(partial, O_RDONLY);
};

TEST_F(Replaced, HasTheNameAndTheOldOneIsGone) {
    EXPECT_TRUE(VerifiedFile(zip, file.get()).replace_by("new.partial", made.get()));
    EXPECT_EQ(read_file(zip), "new");
    EXPECT_EQ(names(), (Names{"a.zip", "other"}));
}

TEST_F(Replaced, LeavesAFileThatHasTheNameByThen) {
    VerifiedFile verified(zip, file.get());
    swap();
    EXPECT_FALSE(verified.replace_by("new.partial", made.get()));
    EXPECT_EQ(read_file(zip), "another");
    EXPECT_EQ(read_file(partial), "new");
}

TEST_F(Replaced, LeavesAFileThatGetsTheNameAtTheLastMoment) {
    EXPECT_FALSE(VerifiedFile(zip, file.get()).replace_by("new.partial", made.get(), [&] { swap(); }));
    EXPECT_EQ(read_file(zip), "another");
    EXPECT_EQ(read_file(partial), "new");
}

TEST_F(Replaced, IsNotReplacedByAFileThatNobodyVerified) {
    VerifiedFile verified(zip, file.get());
    fs::rename(other, partial);
    EXPECT_FALSE(verified.replace_by("new.partial", made.get()));
    EXPECT_EQ(read_file(zip), "verified");
}

TEST_F(Replaced, IsNotReplacedByAFileThatIsSwappedAtTheLastMoment) {
    EXPECT_FALSE(
        VerifiedFile(zip, file.get()).replace_by("new.partial", made.get(), [&] { fs::rename(other, partial); }));
    EXPECT_EQ(read_file(zip), "verified");
    EXPECT_EQ(read_file(partial), "another");
}

} // namespace
} // namespace cedana
