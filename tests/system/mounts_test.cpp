// SPDX-License-Identifier: Apache-2.0
// A program in a mount namespace of its own comes back in one, with its mounts and nothing left on the host; one whose
// mounts follow those of the host comes back among them.
#include "cedana/base/files.hpp"
#include "cedana/base/mounts.hpp"

#include <algorithm>

#include <spdlog/fmt/fmt.h>

#include <sys/mount.h>

#include "support/tmpfs.hpp"
#include "support/wait.hpp"
#include "system/step_log.hpp"
#include "system/system_fixture.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t k_ticks = 5;

class OwnMounts : public System {
  protected:
    // Counts into a log, and has a file system of its own with a file.
    [[nodiscard]] Target start() const {
        fs::create_directory(inner());
        const std::string script =
            fmt::format("mount -t tmpfs none {0} && echo kept > {0}/file && exec </dev/null >{1} 2>&1 && i=0 && "
                        "while :; do i=$((i+1)); echo $i; sleep 0.05; done",
                        inner().string(), log().string());
        return Target({"/usr/bin/unshare", "--mount", "/bin/sh", "-c", script});
    }
    [[nodiscard]] fs::path inner() const { return fs::canonical(folder()) / "inner"; }
    [[nodiscard]] fs::path log() const { return fs::canonical(folder()) / "log"; }
    [[nodiscard]] static std::string mounts_of(pid_t pid) { return read_file(fmt::format("/proc/{}/mountinfo", pid)); }
    void expect_back(pid_t pid) const {
        EXPECT_TRUE(holds(mounts_of(pid), inner().string()));
        EXPECT_NE(fs::read_symlink(fmt::format("/proc/{}/ns/mnt", pid)), fs::read_symlink("/proc/self/ns/mnt"));
        EXPECT_EQ(read_file(fmt::format("/proc/{}/root{}/file", pid, inner().string())), "kept\n");
        EXPECT_TRUE(count_on_from(1, wait_for_more_lines(log(), k_ticks)));
    }
};

TEST_F(OwnMounts, ComeBackWithTheProgram) {
    Target target = start();
    wait_for_lines(log(), k_ticks);
    const std::string before = mounts_of(::getpid());
    restore_as(target.pid(), dump_and_stop(target));
    expect_back(target.pid());
    // And once more, now that they are such as CRIU has made.
    const CedanaRun again = dump(target.pid(), {"--stop"});
    ASSERT_EQ(again.exit_code, 0) << again.err;
    reap_all();
    restore_as(target.pid(), only_line(again.out));
    expect_back(target.pid());
    EXPECT_EQ(mounts_of(::getpid()), before);
}

// Its mounts follow those of the host, as those of a unit of systemd do, and next to nothing in them can be written to
// (/tmp, where /run keeps nothing of what CRIU knows of the kernel) or executed (what a program of the distribution
// needs).
class MountsOfAUnit : public System {
  protected:
    void SetUp() override {
        System::SetUp();
        if (IsSkipped())
            return;
        if (!shared_.mount(shared(), 1 << 20) || ::mount(nullptr, shared().c_str(), nullptr, MS_SHARED, nullptr) != 0)
            GTEST_SKIP() << "this process may not mount";
    }
    [[nodiscard]] Target start() const {
        fs::create_directory(writable());
        const std::string script = fmt::format(
            "for one in /tmp /usr/bin /usr/lib; do mount --bind $one $one; done && mount -t tmpfs none /mnt && "
            "mount -o remount,bind,ro,noexec / && cd / && exec </dev/null >{0}/log 2>&1 && i=0 && "
            "while :; do i=$((i+1)); echo $i; sleep 0.05; done",
            writable().string());
        return Target({"/usr/bin/unshare", "--mount", "--uts", "--propagation", "slave", "/bin/sh", "-c", script});
    }
    [[nodiscard]] fs::path writable() const { return fs::canonical(folder()) / "writable"; }
    [[nodiscard]] fs::path log() const { return writable() / "log"; }
    [[nodiscard]] fs::path shared() const { return folder() / "shared"; }

  private:
    Tmpfs shared_;
};

TEST_F(MountsOfAUnit, AreWhereCriuWorks) {
    Target target = start();
    wait_for_lines(log(), k_ticks);
    const CedanaRun run = dump(target.pid());
    ASSERT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(count_on_from(1, wait_for_more_lines(log(), k_ticks)));
    restore_as(target.pid(), dump_and_stop(target));
    EXPECT_TRUE(count_on_from(1, wait_for_more_lines(log(), k_ticks)));
    EXPECT_EQ(fs::read_symlink(fmt::format("/proc/{}/ns/mnt", target.pid())), fs::read_symlink("/proc/self/ns/mnt"));
}

} // namespace
} // namespace cedana::testing
