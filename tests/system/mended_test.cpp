// SPDX-License-Identifier: Apache-2.0
// What comes back as it was only because the images are mended as CRIU reads them (criu/image_mends.hpp).
#include "cedana/base/files.hpp"

#include <fstream>

#include <fcntl.h>

#include "support/wait.hpp"
#include "system/step_log.hpp"
#include "system/system_fixture.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;

class Mended : public System {
  protected:
    // Through a checkpoint and back, then asked whether all is as it was; what it said. `told`: what restore said.
    [[nodiscard]] std::string said_after_restore(const std::string& kind, std::vector<std::string> more = {},
                                                 std::string* told = nullptr) const {
        Target target({target_program("mended"), kind, log(), scratch("fifo")});
        wait_for_lines(log(), 1);
        const fs::path zip = dump_and_stop(target);
        more.insert(more.begin(), {"client", "restore", zip.string()});
        const CedanaRun run = run_cedana(more, options);
        EXPECT_EQ(run.exit_code, 0) << run.err;
        if (told != nullptr)
            *told = run.err;
        else
            EXPECT_EQ(run.err, "");
        write_all(open_file(scratch("fifo"), O_WRONLY | O_NONBLOCK).get(), std::string("x"), "the fifo");
        return wait_for_lines(log(), 2).back();
    }
    [[nodiscard]] fs::path log() const { return folder() / "log"; }
};

TEST_F(Mended, CallsThatWaitedGoOnWaiting) { EXPECT_EQ(said_after_restore("calls"), "right"); }

TEST_F(Mended, TimersThatHadRunOutGoOn) { EXPECT_EQ(said_after_restore("timers"), "right"); }

TEST_F(Mended, MemoryThatIsOnlyReservedNeedsNoPromise) { EXPECT_EQ(said_after_restore("reservations"), "right"); }

TEST_F(Mended, MemoryThatIsOnlyReservedNeedsNoPromiseInALazyRestore) {
    EXPECT_EQ(said_after_restore("reservations", {"--lazy"}), "right");
}

TEST_F(Mended, AMappingOfMoreThanEightTebibytesComesBack) { EXPECT_EQ(said_after_restore("long"), "right"); }

TEST_F(Mended, AMappingOfMoreThanEightTebibytesComesBackLazily) {
    EXPECT_EQ(said_after_restore("long", {"--lazy"}), "right");
}

TEST_F(Mended, TheRootOutlivesItsParentAndARestoreSaysSo) {
    std::string told;
    EXPECT_EQ(said_after_restore("death", {}, &told), "right");
    EXPECT_NE(told.find("PR_SET_PDEATHSIG"), std::string::npos) << told;
}

TEST_F(Mended, ALockOfAChildOnAFileThatItHasInheritedComesBack) { EXPECT_EQ(said_after_restore("locks"), "right"); }

// How many huge pages the kernel sets aside, for the time of a test.
class HugePages : public Mended {
  protected:
    void SetUp() override {
        Mended::SetUp();
        before_ = pool();
        set(std::to_string(std::stoi(before_) + 16));
        if (pool() == before_)
            cannot_run("the kernel gives no huge pages");
    }
    void TearDown() override {
        Mended::TearDown();
        set(before_);
    }
    static void set(const std::string& pages) { std::ofstream(k_pool) << pages; }

  private:
    static constexpr const char* k_pool = "/proc/sys/vm/nr_hugepages";
    static std::string pool() {
        std::string pages;
        std::ifstream(k_pool) >> pages;
        return pages;
    }
    std::string before_;
};

TEST_F(HugePages, OfItsOwnComeBack) { EXPECT_EQ(said_after_restore("huge"), "right"); }

TEST_F(HugePages, OfItsOwnComeBackInALazyRestore) { EXPECT_EQ(said_after_restore("huge", {"--lazy"}), "right"); }

TEST_F(HugePages, OfItsOwnComeBackInAPidNamespace) { EXPECT_EQ(said_after_restore("huge", {"--new-pidns"}), "right"); }

TEST_F(HugePages, ThatAreMissingAreMissedBeforehand) {
    Target target({target_program("mended"), "huge", log(), scratch("fifo")});
    wait_for_lines(log(), 1);
    const fs::path zip = dump_and_stop(target);
    set("0");
    const CedanaRun verify = run_cedana({"client", "verify", zip.string()}, options);
    EXPECT_EQ(verify.exit_code, 5);
    EXPECT_NE((verify.out + verify.err).find("mended cannot run here: it has 4 huge pages of 2.0 MiB, and 0 are free"),
              std::string::npos)
        << verify.out << verify.err;
    EXPECT_EQ(restore(zip).exit_code, 5);
}

} // namespace
} // namespace cedana::testing
