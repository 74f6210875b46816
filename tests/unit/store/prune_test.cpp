// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/store/prune.hpp"
#include "cedana/store/retention.hpp"

#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/synthetic_checkpoint.hpp"
#include "unit/temp_folder.hpp"

namespace cedana {
namespace {

using namespace std::chrono_literals;
using Names = std::set<std::string>;

class Prune : public test::InTempFolder {
  protected:
    void add(const std::string& file, std::chrono::hours age, const std::string& name = "redis",
             const std::string& host = "here") const {
        add_changed(file, age, [&](Manifest& manifest) {
            manifest.name = name;
            manifest.host.name = host;
        });
    }
    template <typename Change>
    void add_changed(const std::string& file, std::chrono::hours age, Change&& change) const {
        const auto when = std::chrono::system_clock::now() - age;
        Manifest manifest = testing::plausible_manifest("redis", 42, utc_iso(when));
        change(manifest);
        testing::write_checkpoint(path(file), manifest, "what the image holds");
    }
    // The image is not what its digest says; all else is as it was.
    void rot(const std::string& file) const {
        std::string content = read_file(path(file));
        content[content.find("what the image")] ^= 1;
        write(file, content);
    }
    [[nodiscard]] PruneResult run(RetentionRules rules, Pruning pruning = Pruning::real) const {
        return prune({.store = path(""), .rules = rules, .pruning = pruning}, Interrupt::none());
    }
    [[nodiscard]] Names left() const {
        Names names;
        for (const auto& entry : std::filesystem::directory_iterator(path("")))
            names.insert(entry.path().filename().string());
        return names;
    }
};

TEST_F(Prune, KeepsTheNewestOfEachProgramOfEachHost) {
    for (int age = 1; age <= 3; ++age) {
        add("r" + std::to_string(age) + ".zip", std::chrono::hours(age));
        add("n" + std::to_string(age) + ".zip", std::chrono::hours(age), "nginx");
        add("h" + std::to_string(age) + ".zip", std::chrono::hours(age), "redis", "there");
    }
    const PruneResult result = run({.keep_last = 2});
    EXPECT_EQ(left(), (Names{"r1.zip", "r2.zip", "n1.zip", "n2.zip", "h1.zip", "h2.zip"}));
    EXPECT_EQ(result.surplus.size(), 3U);
    EXPECT_EQ(result.kept, 6U);
    EXPECT_GT(result.bytes_removed, 0U);
}

TEST_F(Prune, TellsProgramsOfOneInterpreterApart) {
    const auto runs = [](const std::string& script, pid_t pid) {
        return [script, pid](Manifest& manifest) {
            manifest.name = "python3";
            manifest.tree.front().pid = pid;
            manifest.tree.front().threads = {pid};
            manifest.tree.front().command_line = {"python3", script};
        };
    };
    add_changed("a1.zip", 1h, runs("a.py", 42));
    add_changed("a2.zip", 2h, runs("a.py", 42));
    add_changed("a3.zip", 3h, runs("a.py", 41));
    add_changed("b1.zip", 4h, runs("b.py", 43));
    static_cast<void>(run({.keep_last = 1}));
    EXPECT_EQ(left(), (Names{"a1.zip", "b1.zip"}));
}

TEST_F(Prune, TakesAProcessThatChangesItsTitleForOneProgram) {
    for (int age = 1; age <= 3; ++age)
        add_changed("r" + std::to_string(age) + ".zip", std::chrono::hours(age), [&](Manifest& manifest) {
            manifest.tree.front().command_line = {"redis: " + std::to_string(age) + " hours ago"};
        });
    static_cast<void>(run({.keep_last = 1}));
    EXPECT_EQ(left(), (Names{"r1.zip"}));
}

TEST_F(Prune, KeepsTheYoung) {
    add("a.zip", 12h);
    add("b.zip", 36h);
    add("c.zip", 60h);
    static_cast<void>(run({.keep_days = 2}));
    EXPECT_EQ(left(), (Names{"a.zip", "b.zip"}));
}

TEST_F(Prune, KeepsWhatEitherRuleKeeps) {
    add("a.zip", 36h);
    add("b.zip", 60h);
    add("c.zip", 84h);
    static_cast<void>(run({.keep_last = 2, .keep_days = 1}));
    EXPECT_EQ(left(), (Names{"a.zip", "b.zip"}));
}

TEST_F(Prune, NeverRemovesTheLastOneHoweverOld) {
    add("a.zip", 24h * 1000);
    EXPECT_TRUE(run({.keep_days = 1}).surplus.empty());
    EXPECT_EQ(left(), (Names{"a.zip"}));
}

TEST_F(Prune, NeverRemovesTheLastWholeOneWhenWhatIsKeptHasRotted) {
    add("a.zip", 1h);
    add("b.zip", 2h);
    add("c.zip", 3h);
    rot("a.zip");
    const PruneResult result = run({.keep_last = 1});
    EXPECT_EQ(left(), (Names{"a.zip", "b.zip"}));
    EXPECT_EQ(result.surplus.at(0).spared, "it is the last whole one of its program");
}

// The first is the newest; all of one program.
class PruneOfStopped : public Prune {
  protected:
    void add_stopped(const std::string& file, std::chrono::hours age, pid_t pid) const {
        add_one(file, age, pid, false);
    }
    void add_running(const std::string& file, std::chrono::hours age, pid_t pid) const {
        add_one(file, age, pid, true);
    }

  private:
    void add_one(const std::string& file, std::chrono::hours age, pid_t pid, bool runs) const {
        add_changed(file, age, [&](Manifest& manifest) {
            manifest.tree.front().pid = pid;
            manifest.tree.front().threads = {pid};
            manifest.leave_running = runs;
        });
    }
};

TEST_F(PruneOfStopped, NeverRemovesTheOnlyOneOfAProcess) {
    add_running("a.zip", 1h, 42);
    add_stopped("b.zip", 2h, 43);
    add_running("c.zip", 3h, 44);
    const PruneResult result = run({.keep_last = 1});
    EXPECT_EQ(left(), (Names{"a.zip", "b.zip"}));
    EXPECT_EQ(result.surplus.at(0).spared,
              "its process was stopped with it, and no newer one of it that stays is whole");
}

TEST_F(PruneOfStopped, RemovesThoseBeforeANewerOneOfTheProcess) {
    add_running("a.zip", 1h, 42);
    add_stopped("b.zip", 2h, 42);
    static_cast<void>(run({.keep_last = 1}));
    EXPECT_EQ(left(), (Names{"a.zip"}));
}

TEST_F(PruneOfStopped, RemovesThoseBeforeOneThatIsSpared) {
    add_running("a.zip", 1h, 42);
    add_stopped("b.zip", 2h, 43);
    add_stopped("c.zip", 3h, 43);
    static_cast<void>(run({.keep_last = 1}));
    EXPECT_EQ(left(), (Names{"a.zip", "b.zip"}));
}

TEST_F(PruneOfStopped, DoesNotCountANewerOneThatHasRotted) {
    add_running("a.zip", 1h, 42);
    add_running("b.zip", 2h, 43);
    add_stopped("c.zip", 3h, 43);
    rot("b.zip");
    static_cast<void>(run({.keep_last = 2}));
    EXPECT_EQ(left(), (Names{"a.zip", "b.zip", "c.zip"}));
}

TEST_F(Prune, RemovesNothingOfAProgramWithoutAWholeOne) {
    add("a.zip", 1h);
    add("b.zip", 2h);
    rot("a.zip");
    rot("b.zip");
    static_cast<void>(run({.keep_last = 1}));
    EXPECT_EQ(left(), (Names{"a.zip", "b.zip"}));
}

TEST_F(Prune, NeverTouchesWhatIsNoCheckpoint) {
    add("a.zip", 1h);
    add("b.zip", 2h);
    write("c.zip", "damaged");
    write("notes.txt", "mine");
    write("d.zip.partial", "");
    static_cast<void>(run({.keep_last = 1}));
    EXPECT_EQ(left(), (Names{"a.zip", "c.zip", "notes.txt", "d.zip.partial"}));
}

TEST_F(Prune, OnlySaysWhatItWouldRemoveOnADryRun) {
    add("a.zip", 1h);
    add("b.zip", 2h);
    const PruneResult result = run({.keep_last = 1}, Pruning::dry_run);
    EXPECT_EQ(left(), (Names{"a.zip", "b.zip"}));
    EXPECT_EQ(result.surplus.at(0).entry.path.filename(), "b.zip");
    EXPECT_EQ(result.surplus.at(0).spared, "");
}

TEST_F(Prune, WithoutARuleIsAnErrorOfUsage) {
    try {
        static_cast<void>(run({}));
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.fault(), Fault::usage);
    }
}

} // namespace
} // namespace cedana
