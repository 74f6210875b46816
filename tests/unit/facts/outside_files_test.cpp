// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/file_id.hpp"
#include "cedana/facts/outside_files.hpp"

#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <sys/stat.h>

#include "unit/process/fake_proc.hpp"
#include "unit/process/forked.hpp"
#include "unit/process/look_at.hpp"
#include "unit/temp_folder.hpp"

namespace cedana {
namespace {

using testing::FakeProc;
using testing::Forked;
using testing::Look;

// A process that has mount 24 alone.
class OutsideFiles : public test::InTempFolder {
  protected:
    OutsideFiles() {
        proc.add({.pid = child.pid(), .start_time = Procfs().stat(child.pid())->start_time});
        proc.write(child.pid(), "mountinfo", "24 1 0:22 / / rw - ext4 /dev/vda rw\n");
    }
    void open(int fd, const std::string& target, int mount) {
        proc.link(child.pid(), "fd/" + std::to_string(fd), target);
        proc.write(child.pid(), "fdinfo/" + std::to_string(fd),
                   fmt::format("pos:\t0\nflags:\t02\nmnt_id:\t{}\n", mount));
    }
    [[nodiscard]] std::vector<OutsideFile> found() const {
        const Look look(proc.procfs(), child.pid());
        return outside_files(proc.procfs(), look.holdings);
    }
    static ino_t inode_of(const std::string& path) {
        struct ::stat info {};
        ::stat(path.c_str(), &info);
        return info.st_ino;
    }

    Forked child;
    FakeProc proc;
};

TEST_F(OutsideFiles, AreNotThoseOfItsOwnMounts) {
    open(0, "/dev/null", 24);
    EXPECT_EQ(found(), std::vector<OutsideFile>());
}

TEST_F(OutsideFiles, AreThoseOfOtherMountsEachOnce) {
    const std::string log = write("log", "line");
    open(0, "/dev/null", 99);
    open(1, log, 98);
    open(2, log, 98);
    EXPECT_EQ(found(), (std::vector<OutsideFile>{{.id = external_id(99, inode_of("/dev/null")), .path = "/dev/null"},
                                                 {.id = external_id(98, inode_of(log)), .path = log}}));
}

TEST_F(OutsideFiles, AreNotThoseThatLieElsewhereByTheirPath) {
    const std::string log = write("log", "line");
    std::filesystem::create_symlink(log, path("link"));
    open(1, path("link"), 98);
    EXPECT_EQ(found(), std::vector<OutsideFile>());
}

TEST_F(OutsideFiles, AreNotSaidToBeThereWhereMountsCannotBeSeen) {
    proc.write(child.pid(), "mountinfo", "");
    open(0, "/dev/null", 99);
    EXPECT_EQ(found(), std::vector<OutsideFile>());
}

} // namespace
} // namespace cedana
