// SPDX-License-Identifier: Apache-2.0
// Files of a checkpoint for which there is no room any more.
#include "cedana/base/files.hpp"

#include "command/command_fixture.hpp"
#include "support/tmpfs.hpp"
#include "support/wait.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;

// A process that has two files open on a file system that both would fit on, and its checkpoint.
class PutBackOntoAFullFileSystem : public WithFakeCriu {
  protected:
    void SetUp() override {
        WithFakeCriu::SetUp();
        if (IsSkipped())
            return;
        if (!small_.mount(files(), k_room))
            GTEST_SKIP() << "needs the right to mount";
        write_text(log(), std::string(k_room / 4, 'l'));
        write_text(other(), std::string(k_room / 4, 'o'));
        const std::string ready = scratch("ready").string();
        Target target({"/bin/sh", "-c", "exec 3>>" + other().string() + "; : >" + ready + "; exec sleep infinity"},
                      log());
        wait_for_file(ready);
        const CedanaRun run = dump(target, {"--stop"});
        ASSERT_EQ(run.exit_code, 0) << run.err;
        target.wait_end();
        zip_ = only_line(run.out);
        fs::remove(log());
        fs::remove(other());
        // One of them would still fit.
        write_text(files() / "since", std::string(k_room / 8 * 5, 's'));
    }

    [[nodiscard]] fs::path files() const { return fs::canonical(folder()) / "small"; }
    [[nodiscard]] fs::path log() const { return files() / "log"; }
    [[nodiscard]] fs::path other() const { return files() / "other"; }
    [[nodiscard]] const fs::path& zip() const { return zip_; }

    void expect_refused(const CedanaRun& run) const {
        EXPECT_EQ(run.exit_code, 9) << run.err;
        EXPECT_TRUE(holds(run.err, "there is not enough room to put files back"));
        EXPECT_EQ(names_in(files()), std::vector<std::string>{"since"});
        EXPECT_TRUE(criu_runs("restore").empty());
    }

  private:
    static constexpr std::size_t k_room = 1024UL * 1024;
    Tmpfs small_;
    fs::path zip_;
};

TEST_F(PutBackOntoAFullFileSystem, IsExit9BeforeAnythingIsWritten) { expect_refused(restore(zip())); }

TEST_F(PutBackOntoAFullFileSystem, IsAlsoTheAnswerOfADryRun) { expect_refused(restore(zip(), {"--dry-run"})); }

TEST_F(PutBackOntoAFullFileSystem, WorksOnceThereIsRoom) {
    fs::remove(files() / "since");
    const CedanaRun run = restore(zip());
    ASSERT_EQ(run.exit_code, 0) << run.err;
    const Orphan restored(std::stoi(run.out));
    EXPECT_EQ(names_in(files()), (std::vector<std::string>{"log", "other"}));
}

} // namespace
} // namespace cedana::testing
