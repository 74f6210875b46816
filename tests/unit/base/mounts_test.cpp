// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/child_process.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/mounts.hpp"

#include <cerrno>
#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include "unit/temp_folder.hpp"

namespace cedana {
namespace {

TEST(Mounts, AreReadWithAnyNumberOfTags) {
    const std::vector<Mount> mounts = parse_mounts("27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"
                                                   "36 27 98:0 /mnt1 /mnt2 rw shared:1 master:2 - xfs /dev/root rw\n");
    ASSERT_EQ(mounts.size(), 2U);
    EXPECT_EQ(mounts[0].id, 27);
    EXPECT_EQ(mounts[0].path, "/");
    EXPECT_EQ(mounts[0].type, "ext4");
    EXPECT_EQ(mounts[1].device, "98:0");
    EXPECT_EQ(mounts[1].path, "/mnt2");
    EXPECT_EQ(mounts[1].type, "xfs");
    EXPECT_EQ(mounts[1].parent, 27);
    EXPECT_EQ(mounts[1].root, "/mnt1");
    EXPECT_EQ(mounts[1].options, "rw");
}

TEST(Mounts, BelowAFolderAreToldTheLastOneFirst) {
    const std::vector<Mount> mounts = parse_mounts("27 1 254:0 / / rw - ext4 /dev/vda rw\n"
                                                   "36 27 0:9 / /work rw - tmpfs none rw\n"
                                                   "37 36 0:10 / /work/yard rw - tmpfs none rw\n"
                                                   "38 37 0:11 / /work/yard/a\\040b rw - cgroup none rw\n"
                                                   "39 27 0:12 / /works rw - tmpfs none rw\n");
    EXPECT_EQ(mounted_below("/work", mounts), (std::vector<std::string>{"/work/yard/a b", "/work/yard", "/work"}));
    EXPECT_EQ(mounted_below("/work/yard/c", mounts), std::vector<std::string>());
}

TEST(Mounts, TellTheirPeerGroups) {
    const std::vector<Mount> mounts = parse_mounts("27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"
                                                   "36 27 98:0 / /mnt rw shared:21 master:2 - xfs /dev/root rw\n"
                                                   "37 27 98:0 / /a rw master:3 propagate_from:2 - xfs /dev/root rw\n");
    ASSERT_EQ(mounts.size(), 3U);
    EXPECT_EQ(mounts[0].shared, 0);
    EXPECT_EQ(mounts[0].master, 0);
    EXPECT_EQ(mounts[1].shared, 21);
    EXPECT_EQ(mounts[1].master, 2);
    EXPECT_EQ(mounts[2].shared, 0);
    EXPECT_EQ(mounts[2].master, 3);
}

TEST(Mounts, HaveTheirPathsAsTheyAre) {
    EXPECT_EQ(parse_mounts("1 1 8:1 / /a\\040b\\134c rw - ext4 x rw\n").at(0).path, "/a b\\c");
    EXPECT_EQ(parse_mounts("1 1 8:1 / /a\\9\\04 rw - ext4 x rw\n").at(0).path, "/a\\9\\04");
}

TEST(Mounts, ThatAreNoneAreLeftOut) {
    for (const char* line :
         {"", "\n", "x 1 8:1 / / rw - ext4 a rw", "1 x 8:1 / / rw - ext4 a rw", "1 1 8:1 / / rw", "1 1 8:1 / / rw -"})
        EXPECT_TRUE(parse_mounts(line).empty()) << line;
}

TEST(Mounts, OfTheKernelAreMadeUp) {
    for (const char* type : {"proc", "sysfs", "cgroup2", "devpts", "devtmpfs"})
        EXPECT_TRUE(is_made_up({.type = type})) << type;
    for (const char* type : {"ext4", "tmpfs", "overlay", "nfs4", "fuse.sshfs"})
        EXPECT_FALSE(is_made_up({.type = type})) << type;
}

Mount mount_of(int id, int parent, const std::filesystem::path& path, const std::string& type = "ext4") {
    return {.id = id, .parent = parent, .root = "/", .path = path.string(), .type = type};
}

// In a folder that the host knows too, so that links can be there.
class MountedAt : public test::InTempFolder {
  protected:
    [[nodiscard]] MountedThere at(const std::filesystem::path& where) const { return mounted_at(where, mounts); }

    std::vector<Mount> mounts = {mount_of(20, 1, "/"), mount_of(21, 20, path("store")), mount_of(22, 20, path("a b"))};
};

TEST_F(MountedAt, IsWhatTheListNames) {
    EXPECT_EQ(at(path("store")), MountedThere::something);
    EXPECT_EQ(at(path("a b")), MountedThere::something);
    EXPECT_EQ(at("/"), MountedThere::something);
    EXPECT_EQ(at(path("other")), MountedThere::nothing);
    EXPECT_EQ(at(path("store/below")), MountedThere::nothing);
    EXPECT_EQ(at(path(".")), MountedThere::nothing);
    EXPECT_EQ(at(""), MountedThere::nothing);
}

TEST_F(MountedAt, IsTheSameHoweverThePathIsWritten) {
    EXPECT_EQ(at(path("store/")), MountedThere::something);
    EXPECT_EQ(at(path(".//store/.")), MountedThere::something);
    std::filesystem::create_directory(path("other"));
    EXPECT_EQ(at(path("other/../store")), MountedThere::something);
    EXPECT_EQ(at(path("store/..")), MountedThere::nothing);
}

TEST_F(MountedAt, FollowsLinks) {
    std::filesystem::create_symlink("store", path("link"));
    std::filesystem::create_symlink(path("link"), path("to_link"));
    std::filesystem::create_symlink("round", path("round"));
    EXPECT_EQ(at(path("link")), MountedThere::something);
    EXPECT_EQ(at(path("to_link/")), MountedThere::something);
    EXPECT_EQ(at(path("to_link/below")), MountedThere::nothing);
    EXPECT_EQ(at(path("round")), MountedThere::nothing);
}

TEST_F(MountedAt, IsNothingWhereAnotherMountHidesIt) {
    mounts.push_back(mount_of(23, 20, path("store").parent_path()));
    EXPECT_EQ(at(path("store")), MountedThere::nothing);
    mounts.push_back(mount_of(24, 23, path("store")));
    EXPECT_EQ(at(path("store")), MountedThere::something);
}

TEST_F(MountedAt, TellsWhatIsYetToBeMountedApart) {
    mounts.push_back(mount_of(23, 20, path("auto"), "autofs"));
    EXPECT_EQ(at(path("auto")), MountedThere::at_first_use);
    EXPECT_EQ(at(path("auto/host")), MountedThere::at_first_use);
    mounts.push_back(mount_of(24, 23, path("auto"), "nfs4"));
    EXPECT_EQ(at(path("auto")), MountedThere::something);
    EXPECT_EQ(at(path("auto/host")), MountedThere::nothing);
}

TEST_F(MountedAt, EndsWithAnyList) {
    mounts = {mount_of(1, 2, "/"), mount_of(2, 1, "/"), mount_of(3, 3, path("store")), mount_of(3, 3, path("store"))};
    EXPECT_NO_THROW(static_cast<void>(at(path("store"))));
    mounts.clear();
    EXPECT_EQ(at("/"), MountedThere::nothing);
}

void require(int result, const char* what) {
    const int err = errno;
    if (result < 0)
        throw os_error(err, what);
}

// In a mount namespace that goes away with the child that has it.
class IsMounted : public test::InTempFolder {
  protected:
    void SetUp() override {
        if (::geteuid() != 0)
            GTEST_SKIP() << "needs root, to mount";
        std::filesystem::create_directory(path("a b"));
        std::filesystem::create_directory(path("source"));
    }
    bool with_mounts_of(const std::function<void()>& make_mounts) const {
        constexpr unsigned k_limit_s = 20;
        return call_as_user(0, 0, [&] {
                   ::alarm(k_limit_s);
                   require(::unshare(CLONE_NEWNS), "unshare");
                   require(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "make private");
                   make_mounts();
                   return std::string(is_mounted(path("a b")) ? "yes" : "no");
               }) == "yes";
    }
};

TEST_F(IsMounted, IsNoOfAPlainFolder) {
    EXPECT_FALSE(with_mounts_of([] {}));
}

TEST_F(IsMounted, IsYesOfABindMountOfTheSameFileSystem) {
    EXPECT_TRUE(with_mounts_of(
        [&] { require(::mount(path("source").c_str(), path("a b").c_str(), nullptr, MS_BIND, nullptr), "bind"); }));
}

TEST_F(IsMounted, DoesNotWaitForAFileSystemThatDoesNotAnswer) {
    EXPECT_TRUE(with_mounts_of([&] {
        const int server = ::open("/dev/fuse", O_RDWR | O_CLOEXEC);
        require(server, "open /dev/fuse");
        const std::string options = "fd=" + std::to_string(server) + ",rootmode=40000,user_id=0,group_id=0";
        require(::mount("nobody", path("a b").c_str(), "fuse", 0, options.c_str()), "mount");
    }));
}

} // namespace
} // namespace cedana
