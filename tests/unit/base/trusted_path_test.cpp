// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/trusted_path.hpp"
#include "cedana/base/users.hpp"

#include <filesystem>
#include <string>

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "unit/temp_folder.hpp"

namespace cedana::test {
namespace {

namespace fs = std::filesystem;

constexpr uid_t k_user = 1000;
constexpr uid_t k_other = 1001;
constexpr gid_t k_private_group = 1000;
constexpr gid_t k_other_group = 50;

const Trusted k_root{.groups = {0}};
const Trusted k_root_and_user{.user = k_user, .groups = {0, k_private_group}};

struct Case {
    std::string name;
    PathStep step;
    Trusted trusted = k_root;
    Last last = Last::complete;
    // Parts of how it is exposed and of the remedy; empty: it is in order.
    std::string how = {};
    std::string remedy = {};
};

class ExposureOf : public ::testing::TestWithParam<Case> {};

TEST_P(ExposureOf, IsAsTheRulesSay) {
    const Case& one = GetParam();
    const auto exposure = exposure_of(one.step, one.trusted, one.last);
    ASSERT_EQ(exposure.has_value(), !one.how.empty()) << (exposure ? exposure->how : "");
    if (!exposure)
        return;
    EXPECT_NE(exposure->how.find(one.how), std::string::npos) << exposure->how;
    EXPECT_EQ(exposure->remedy, one.remedy);
}

PathStep step(mode_t mode, uid_t owner = 0, gid_t group = 0) {
    return {.path = "/srv/x y", .mode = mode, .owner = owner, .group = group};
}

PathStep with_access_list(PathStep one) {
    one.has_access_list = true;
    return one;
}

PathStep of_a_program(std::optional<uid_t> mounter) {
    PathStep one = step(S_IFREG | 0644);
    one.of_a_program = true;
    one.mounter = mounter;
    return one;
}

PathStep of_processes() {
    PathStep one = step(S_IFREG | 0444);
    one.of_processes = true;
    return one;
}

std::vector<Case> cases() {
    const std::string everybody = "everybody may write";
    return {
        {"FileOfRoot", step(S_IFREG | 0644)},
        {"FolderOfRoot", step(S_IFDIR | 0755)},
        {"FileThatEverybodyWrites", step(S_IFREG | 0646), k_root, Last::complete, everybody, "chmod o-w '/srv/x y'"},
        {"FileThatAllWrite", step(S_IFREG | 0666, 0, k_other_group), k_root, Last::complete, everybody,
         "chmod go-w '/srv/x y'"},
        {"FileThatAGroupWrites", step(S_IFREG | 0664, 0, k_other_group), k_root, Last::complete, "its group",
         "chmod g-w '/srv/x y'"},
        {"FileThatRootsGroupWrites", step(S_IFREG | 0664)},
        {"FileThatRootsGroupWithMembersWrites", step(S_IFREG | 0664), Trusted{}, Last::complete, "its group",
         "chmod g-w '/srv/x y'"},
        {"FileWithAnAccessList", with_access_list(step(S_IFREG | 0664)), k_root, Last::complete, "an access list",
         "setfacl -b '/srv/x y'"},
        {"FileWhoseAccessListLetsNobodyWrite", with_access_list(step(S_IFREG | 0644))},
        {"FileOfAUser", step(S_IFREG | 0600, k_user), k_root, Last::complete, "owns", "chown root '/srv/x y'"},
        {"FileOfTheTrustedUser", step(S_IFREG | 0600, k_user), k_root_and_user},
        {"FileOfAnotherThanTheTrustedUser", step(S_IFREG | 0600, k_other), k_root_and_user, Last::complete, "owns",
         "chown root '/srv/x y'"},
        {"FileThatThePrivateGroupWrites", step(S_IFREG | 0664, k_user, k_private_group), k_root_and_user},
        {"FileThatThePrivateGroupOfNobodyWrites", step(S_IFREG | 0664, 0, k_private_group), k_root, Last::complete,
         "its group", "chmod g-w '/srv/x y'"},
        {"StickyFolderOnTheWay", step(S_IFDIR | 01777), k_root, Last::names_of_others},
        {"StickyFolderOfAGroupOnTheWay", step(S_IFDIR | 01770, 0, k_other_group), k_root, Last::names_of_others},
        {"StickyFolderAtTheEnd", step(S_IFDIR | 01777), k_root, Last::complete, everybody, "chmod o-w '/srv/x y'"},
        {"StickyFolderOfAUser", step(S_IFDIR | 01777, k_user), k_root, Last::names_of_others, "owns",
         "chown root '/srv/x y'"},
        {"StickyFile", step(S_IFREG | 01666), k_root, Last::names_of_others, everybody, "chmod o-w '/srv/x y'"},
        {"FolderOnTheWayThatEverybodyWrites", step(S_IFDIR | 0777), k_root, Last::names_of_others, everybody,
         "chmod o-w '/srv/x y'"},
        // The mode of a link says nothing (symlink(7)).
        {"LinkOfRoot", step(S_IFLNK | 0777)},
        {"LinkOfAUser", step(S_IFLNK | 0777, k_user), k_root, Last::complete, "owns", "chown -h root '/srv/x y'"},
        {"FileOfAProgramOfRoot", of_a_program(0)},
        {"FileOfAProgramOfAUser", of_a_program(k_user), k_root, Last::complete, "serves the file system", ""},
        {"FileOfAProgramOfTheTrustedUser", of_a_program(k_user), k_root_and_user},
        {"FileOfAProgramOfNobodyKnown", of_a_program(std::nullopt), k_root, Last::complete, "not known who", ""},
        {"FileInProc", of_processes(), k_root, Last::complete, "processes and devices decide", ""},
    };
}

INSTANTIATE_TEST_SUITE_P(Rules, ExposureOf, ::testing::ValuesIn(cases()),
                         [](const auto& one) { return one.param.name; });

TEST(RemedyOf, HasAWayOutWhereAnNfsServerGivesRootsFilesToNobody) {
    PathStep squashed = step(S_IFREG | 0600, 65534);
    squashed.on_nfs = true;
    const std::string remedy = exposure_of(squashed, k_root, Last::complete)->remedy;
    for (const char* word : {"root_squash", "security.trusted_keys", "security.strict_permissions"})
        EXPECT_NE(remedy.find(word), std::string::npos) << remedy;
    squashed.owner = k_other;
    EXPECT_EQ(exposure_of(squashed, k_root, Last::complete)->remedy, "chown root '/srv/x y'");
}

TEST(MounterOf, IsTheUserThatTheMountNames) {
    const std::string mounts = "36 35 0:31 / /mnt/a rw,nosuid - fuse.sshfs host:/ rw,user_id=1000,group_id=1000\n"
                               "37 35 0:32 / /mnt/b rw shared:7 - fuseblk /dev/sda1 rw,user_id=0,group_id=0\n"
                               "38 35 0:33 / /mnt/c rw - virtiofs tag rw\n"
                               "39 35 0:34 / /mnt/d rw - fuse.odd x rw,user_id=many\n";
    EXPECT_EQ(mounter_of(mounts, makedev(0, 31)), 1000U);
    EXPECT_EQ(mounter_of(mounts, makedev(0, 32)), 0U);
    EXPECT_EQ(mounter_of(mounts, makedev(0, 33)), 0U);
    EXPECT_EQ(mounter_of(mounts, makedev(0, 34)), std::nullopt);
    EXPECT_EQ(mounter_of(mounts, makedev(0, 35)), std::nullopt);
}

TEST(Users, HaveNamesOrNumbers) {
    EXPECT_EQ(user_name(0), "root");
    EXPECT_EQ(user_name(4'000'000'000), "4000000000");
    EXPECT_EQ(group_name(0), "root");
    EXPECT_EQ(group_name(4'000'000'000), "4000000000");
}

class PathInTempFolder : public InTempFolder {
  protected:
    void SetUp() override {
        if (::geteuid() != 0)
            GTEST_SKIP() << "needs root, to own the files";
    }
    void folder(const std::string& name, mode_t mode) const {
        fs::create_directories(path(name));
        ASSERT_EQ(::chmod(path(name).c_str(), mode), 0);
    }
    void give(const std::string& name, uid_t owner) const { ASSERT_EQ(::lchown(path(name).c_str(), owner, 0), 0); }
    [[nodiscard]] std::string exposed_at(const fs::path& where, Last last = Last::complete) const {
        const auto exposure = look_at_path(where, root_alone(), last).exposure;
        return exposure ? exposure->step.path.string() : "";
    }
};

TEST_F(PathInTempFolder, IsInOrderWhenRootOwnsEveryStep) {
    folder("a", 0755);
    write("a/key", "k");
    EXPECT_EQ(exposed_at(path("a/key")), "");
}

TEST_F(PathInTempFolder, NamesTheFileThatItLedTo) {
    write("key", "k");
    struct ::stat info {};
    ASSERT_EQ(::stat(path("key").c_str(), &info), 0);
    EXPECT_EQ(look_at_path(path("key"), root_alone()).file, (std::pair<dev_t, ino_t>(info.st_dev, info.st_ino)));
    EXPECT_EQ(look_at_path(path("none"), root_alone()).file, std::nullopt);
}

TEST_F(PathInTempFolder, IsExposedByAFolderAbove) {
    folder("a/b", 0755);
    write("a/b/key", "k");
    ASSERT_EQ(::chmod(path("a").c_str(), 0777), 0);
    EXPECT_EQ(exposed_at(path("a/b/key")), path("a"));
}

TEST_F(PathInTempFolder, IsNotExposedByAStickyFolderAbove) {
    folder("a", 01777);
    write("a/key", "k");
    EXPECT_EQ(exposed_at(path("a/key")), "");
    give("a/key", k_user);
    EXPECT_EQ(exposed_at(path("a/key")), path("a/key"));
}

TEST_F(PathInTempFolder, IsExposedByTheFolderOfItsLinksTarget) {
    folder("open", 0777);
    write("open/key", "k");
    fs::create_symlink(path("open/key"), path("key"));
    EXPECT_EQ(exposed_at(path("key")), path("open"));
}

TEST_F(PathInTempFolder, IsExposedByALinkOfAUserOnTheWay) {
    folder("real", 0755);
    folder("sticky", 01777);
    write("real/key", "k");
    fs::create_symlink("../real", path("sticky/link"));
    EXPECT_EQ(exposed_at(path("sticky/link/key")), "");
    give("sticky/link", k_user);
    EXPECT_EQ(exposed_at(path("sticky/link/key")), path("sticky/link"));
}

TEST_F(PathInTempFolder, FollowsLinksUpAndDownAsTheKernelDoes) {
    folder("a/b/c", 0755);
    write("a/key", "k");
    fs::create_symlink("b/c", path("a/down"));
    // Of the link's target, not of the link's folder.
    const fs::path up = path("a/down") / ".." / ".." / "key";
    ASSERT_TRUE(fs::exists(up));
    EXPECT_TRUE(look_at_path(up, root_alone()).file.has_value());
    ASSERT_EQ(::chmod(path("a/b").c_str(), 0777), 0);
    EXPECT_EQ(exposed_at(up), path("a/b"));
}

TEST_F(PathInTempFolder, IsRefusedWhenItsLinksGoRound) {
    fs::create_symlink(path("b"), path("a"));
    fs::create_symlink(path("a"), path("b"));
    EXPECT_THROW(static_cast<void>(look_at_path(path("a"), root_alone())), Error);
}

TEST_F(PathInTempFolder, IsExposedInProcThroughAnyLink) {
    fs::create_symlink("/proc/self/root/etc/passwd", path("a"));
    EXPECT_EQ(exposed_at(path("a")), "/proc");
}

TEST_F(PathInTempFolder, IsExposedByAnAccessListThatModesDoNotShow) {
    write("key", "k");
    ASSERT_EQ(::chmod(path("key").c_str(), 0660), 0);
    EXPECT_EQ(exposed_at(path("key")), "");
    // struct posix_acl_xattr_entry {u16 tag, perm; u32 id}: owner rw, user 1000 rw, group rw, mask rw, others none.
    const unsigned char list[] = {2, 0,    0,   0,   1,   0,   6,  0, 255, 255, 255, 255, 2,   0,  6,
                                  0, 0xe8, 3,   0,   0,   4,   0,  6, 0,   255, 255, 255, 255, 16, 0,
                                  6, 0,    255, 255, 255, 255, 32, 0, 0,   0,   255, 255, 255, 255};
    if (::setxattr(path("key").c_str(), "system.posix_acl_access", list, sizeof list, 0) != 0)
        GTEST_SKIP() << "the file system of " << path("key") << " has no access lists";
    EXPECT_EQ(exposed_at(path("key")), path("key"));
}

TEST_F(PathInTempFolder, IsRefusedWithOwnerModeAndTheCommandThatMendsIt) {
    folder("a", 0777);
    write("a/key", "k");
    try {
        require_trusted(path("a/key"), "the key");
        FAIL() << "nothing was thrown";
    } catch (const Error& error) {
        EXPECT_EQ(error.fault(), Fault::permission);
        EXPECT_EQ(error.message(), "the key " + path("a/key").string() +
                                       " is refused, since others can change it: everybody may write to " +
                                       path("a").string() + " (owner root, group root, mode 0777)");
        EXPECT_EQ(error.hint(), "chmod o-w " + path("a").string());
    }
}

TEST_F(PathInTempFolder, MayBeOfTheUserItBelongsTo) {
    write("key", "k");
    give("key", k_user);
    require_trusted(path("key"), "the key", root_and(k_user, k_user));
    EXPECT_THROW(require_trusted(path("key"), "the key", root_and(k_other, k_other)), Error);
}

} // namespace
} // namespace cedana::test
