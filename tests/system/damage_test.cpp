// SPDX-License-Identifier: Apache-2.0
// Restores of damaged checkpoints: none of them runs, hangs or leaves anything, unless the damage is without effect.
#include "cedana/base/files.hpp"

#include <cstdio>
#include <cstdlib>
#include <random>

#include "support/damage.hpp"
#include "system/step_log.hpp"
#include "system/system_fixture.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;

constexpr int k_usual_samples = 25;

// CEDANA_DAMAGE_SAMPLES: how many restores are tried; CEDANA_DAMAGE_SEED: which.
int samples() {
    const char* const wanted = std::getenv("CEDANA_DAMAGE_SAMPLES");
    return wanted != nullptr ? std::atoi(wanted) : k_usual_samples;
}
unsigned seed() {
    const char* const wanted = std::getenv("CEDANA_DAMAGE_SEED");
    return wanted != nullptr ? static_cast<unsigned>(std::atoi(wanted)) : std::random_device()();
}

class DamagedCheckpoint : public System {
  protected:
    fs::path checkpoint() {
        Target target({target_program("counter"), log, "2"});
        wait_for_more_lines(log, k_few_steps);
        pid_ = target.pid();
        return dump_and_stop(target);
    }

    // Every fourth is cut, the others have a byte changed.
    static std::string damaged(const std::string& whole, std::minstd_rand& random) {
        std::string content = whole;
        const std::size_t at = random() % content.size();
        if (random() % 4 == 0)
            return content.substr(0, at);
        content[at] = static_cast<char>(content[at] ^ static_cast<char>(1 + random() % 255));
        return content;
    }

    // Whether it came back.
    bool try_restore(const fs::path& zip, const std::string& what) {
        const std::string before = read_file(log);
        const std::vector<std::string> names = names_in(folder());
        const CedanaRun run = restore(zip);
        if (run.exit_code == 0) {
            EXPECT_EQ(run.out, std::to_string(pid_) + "\n") << what;
            EXPECT_TRUE(count_on_from(1, wait_for_more_lines(log, k_few_steps))) << what;
            const Orphan restored(pid_);
            remove_backups();
            return true;
        }
        EXPECT_EQ(run.exit_code, 8) << what << "\n" << run.err;
        EXPECT_EQ(run.out, "") << what;
        reap_all();
        EXPECT_EQ(read_file(log), before) << what;
        EXPECT_EQ(names_in(folder()), names) << what;
        return false;
    }

    void remove_backups() const {
        for (const std::string& name : names_in(folder()))
            if (name.find(".cedana-backup-") != std::string::npos)
                fs::remove(folder() / name);
    }

    void expect_nothing_left() const {
        EXPECT_EQ(names_in(store()).size(), 2U);
        EXPECT_EQ(abandoned_working_folders(), std::vector<std::string>());
    }

    const fs::path log = scratch("count");
    pid_t pid_ = 0;
};

TEST_F(DamagedCheckpoint, NeverRunsUnlessTheDamageIsWithoutEffect) {
    const std::string whole = read_file(checkpoint());
    const unsigned chosen = seed();
    RecordProperty("seed", static_cast<int>(chosen));
    std::minstd_rand random(chosen);
    const fs::path copy = store() / "damaged.zip";
    int came_back = 0;
    for (int i = 0; i < samples(); ++i) {
        const std::string what = "seed " + std::to_string(chosen) + ", sample " + std::to_string(i);
        const std::string content = damaged(whole, random);
        write_text(copy, content);
        if (!try_restore(copy, what))
            continue;
        ++came_back;
        EXPECT_TRUE(restores_the_same(content, whole)) << what;
    }
    std::printf("%d of %d damaged checkpoints came back, their damage being without effect\n", came_back, samples());
    expect_nothing_left();
}

} // namespace
} // namespace cedana::testing
