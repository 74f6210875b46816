// SPDX-License-Identifier: Apache-2.0
// A file that has lost the name by which it was made, and has another, as sem_open(3) makes them: the checkpoint of a
// program that runs on brings it back too.
#include "cedana/base/files.hpp"

#include "support/wait.hpp"
#include "system/step_log.hpp"
#include "system/system_fixture.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t k_counts = 5;

// Counts into shared memory that is such a file, and into a log.
constexpr const char* k_counts_in_lost_file = R"(
import mmap, os, sys, time
folder = sys.argv[1]
fd = os.open(folder + "/temporary", os.O_RDWR | os.O_CREAT, 0o600)
os.write(fd, bytes(4096))
os.link(folder + "/temporary", folder + "/" + sys.argv[2])
os.unlink(folder + "/temporary")
memory = mmap.mmap(fd, 4096)
os.close(fd)
log = open(folder + "/log", "a", buffering=1)
step = 0
while True:
    step += 1
    memory[:8] = step.to_bytes(8, "little")
    print(step, file=log)
    time.sleep(0.05)
)";

class LostName : public System {
  protected:
    void SetUp() override {
        System::SetUp();
        if (IsSkipped() || HasFatalFailure())
            return;
        require_program("/usr/bin/python3", "python3");
        fs::create_directories(data() / "beside");
    }
    [[nodiscard]] fs::path data() const { return fs::canonical(folder()) / "data"; }
    [[nodiscard]] static std::uint64_t counted(const fs::path& file) {
        std::uint64_t count = 0;
        const std::string bytes = read_file(file);
        for (std::size_t i = 0; i < sizeof count && i < bytes.size(); ++i)
            count |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
        return count;
    }
};

class LostNameOf : public LostName, public ::testing::WithParamInterface<const char*> {};

// In the folder in which it was made, and elsewhere, where nobody finds it.
INSTANTIATE_TEST_SUITE_P(OtherNames, LostNameOf, ::testing::Values("semaphore", "beside/semaphore"),
                         [](const auto& instance) {
                             return std::string(instance.param).starts_with("beside") ? "Elsewhere" : "Beside";
                         });

TEST_P(LostNameOf, ComesBackFromACheckpointOfAProgramThatRanOn) {
    Target target({"/usr/bin/python3", "-c", k_counts_in_lost_file, data(), GetParam()});
    wait_for_lines(data() / "log", k_counts);
    const CedanaRun dumped = dump(target.pid());
    ASSERT_EQ(dumped.exit_code, 0) << dumped.err;
    EXPECT_FALSE(holds(dumped.err, "cannot be restored")) << dumped.err;
    target.end();
    restore_as(target.pid(), only_line(dumped.out));
    EXPECT_TRUE(count_on_from(1, wait_for_more_lines(data() / "log", k_counts)));
    for (const std::string& name : names_in(data()))
        EXPECT_FALSE(holds(name, "link_remap") || holds(name, "temporary")) << name;
}

// What is counted is seen by that name still.
TEST_F(LostName, IsTheSameFileAsItsOtherName) {
    Target target({"/usr/bin/python3", "-c", k_counts_in_lost_file, data(), "semaphore"});
    wait_for_lines(data() / "log", k_counts);
    const CedanaRun dumped = dump(target.pid());
    ASSERT_EQ(dumped.exit_code, 0) << dumped.err;
    target.end();
    restore_as(target.pid(), only_line(dumped.out));
    const std::uint64_t before = counted(data() / "semaphore");
    wait_for_more_lines(data() / "log", k_counts);
    EXPECT_GT(counted(data() / "semaphore"), before);
}

} // namespace
} // namespace cedana::testing
