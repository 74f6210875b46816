// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/time_text.hpp"
#include "cedana/store/pick.hpp"

#include <filesystem>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "support/synthetic_checkpoint.hpp"
#include "unit/temp_folder.hpp"

namespace cedana {
namespace {

namespace fs = std::filesystem;
using testing::plausible_manifest;

class Pick : public test::InTempFolder {
  protected:
    void add(const std::string& file, const std::string& name, pid_t pid, const std::string& time) const {
        testing::write_checkpoint(path(file), plausible_manifest(name, pid, "2026-11-22T" + time + "Z"));
    }
    [[nodiscard]] std::string pick(const std::string& wanted) const {
        return pick_checkpoint(wanted, Config(), Keyring(), Interrupt::none(), {.store = path("")}).filename();
    }
    [[nodiscard]] Error refusal(const std::string& wanted) const {
        try {
            static_cast<void>(pick(wanted));
        } catch (const Error& error) {
            return error;
        }
        ADD_FAILURE() << wanted << " was picked";
        return {Fault::internal, ""};
    }
    // The index no longer has the digest that the manifest gives; the manifest is as it was.
    void damage(const std::string& file) const {
        const std::string content = read_file(path(file));
        std::string changed = content;
        changed[content.find("index") + 40] ^= 1;
        write(file, changed);
    }
};

TEST_F(Pick, TakesTheNewestOfAllForLatest) {
    add("a.zip", "redis", 1, "10:00:00");
    add("b.zip", "nginx", 2, "11:00:00");
    add("c.zip", "redis", 1, "09:00:00");
    EXPECT_EQ(pick("latest"), "b.zip");
}

TEST_F(Pick, TakesTheNewestOfAProgramOrAPid) {
    add("a.zip", "redis", 1, "10:00:00");
    add("b.zip", "nginx", 2, "11:00:00");
    add("c.zip", "redis", 1, "10:30:00");
    EXPECT_EQ(pick("redis"), "c.zip");
    EXPECT_EQ(pick("1"), "c.zip");
    EXPECT_EQ(pick("2"), "b.zip");
}

// It would bring another program back than the one that was named.
TEST_F(Pick, RefusesAPartOfANameWithWhatHasIt) {
    add("a.zip", "redis-server", 7, "10:00:00");
    add("b.zip", "nginx", 2, "11:00:00");
    const Error error = refusal("redis");
    EXPECT_EQ(error.fault(), Fault::usage);
    EXPECT_NE(error.cause().find("pid 7"), std::string::npos);
    EXPECT_EQ(error.cause().find("nginx"), std::string::npos);
    EXPECT_EQ(pick("Redis Server"), "a.zip");
}

TEST_F(Pick, TakesTheScriptThatAnInterpreterRan) {
    Manifest manifest = plausible_manifest("python3", 7, "2026-11-22T10:00:00Z");
    manifest.tree.front().command_line = {"/usr/bin/python3", "-u", "/srv/train.py", "--epochs", "3"};
    testing::write_checkpoint(path("a.zip"), manifest);
    add("b.zip", "nginx", 2, "11:00:00");
    for (const char* name : {"train.py", "train", "python3", "train.py --epochs", "Python3 train.py"})
        EXPECT_EQ(pick(name), "a.zip") << name;
    EXPECT_EQ(refusal("trains").fault(), Fault::usage);
}

TEST_F(Pick, TakesALabel) {
    Manifest manifest = plausible_manifest("redis", 7, "2026-11-22T10:00:00Z");
    manifest.label = "before the upgrade";
    testing::write_checkpoint(path("a.zip"), manifest);
    add("b.zip", "redis", 7, "11:00:00");
    EXPECT_EQ(pick("before the upgrade"), "a.zip");
    EXPECT_EQ(pick("redis"), "b.zip");
}

TEST_F(Pick, TakesTheNewestBeforeATime) {
    add("a.zip", "redis", 7, "10:00:00");
    add("b.zip", "redis", 7, "11:00:00");
    const auto picked = [&](const std::string& wanted, const char* before) {
        return pick_checkpoint(wanted, Config(), Keyring(), Interrupt::none(),
                               {.store = path(""), .before = parse_utc_iso(before)});
    };
    EXPECT_EQ(picked("latest", "2026-11-22T11:00:00Z").filename(), "a.zip");
    EXPECT_EQ(picked("redis", "2026-11-22T11:00:01Z").filename(), "b.zip");
    EXPECT_THROW(static_cast<void>(picked("redis", "2026-11-22T10:00:00Z")), Error);
    EXPECT_THROW(static_cast<void>(picked(path("a.zip"), "2026-11-22T11:00:00Z")), Error);
}

TEST_F(Pick, TakesOneThatDoesNotOpenForWhoeverLooksWhetherItIsWhole) {
    add("a.zip", "redis", 1, "10:00:00");
    add("b.zip", "redis", 1, "11:00:00");
    damage("b.zip");
    EXPECT_EQ(pick_checkpoint("redis", Config(), Keyring(), Interrupt::none(),
                              {.store = path(""), .damaged = Damaged::picked})
                  .filename(),
              "b.zip");
}

// Left behind in the folder from which it is called.
class PickHere : public Pick {
  protected:
    void SetUp() override { fs::current_path(here()); }
    void TearDown() override { fs::current_path(before_); }
    [[nodiscard]] fs::path here() const {
        fs::create_directories(path("here"));
        return path("here");
    }

  private:
    fs::path before_ = fs::current_path();
};

TEST_F(PickHere, TakesAFileOfTheNameOnlyIfItIsAnArchive) {
    add("a.zip", "redis", 1, "10:00:00");
    write("here/redis", "#!/bin/sh\n");
    EXPECT_EQ(pick("redis"), "a.zip");
    fs::remove(path("here/redis"));
    testing::write_checkpoint(path("here/redis"), plausible_manifest("nginx", 2, "2026-11-22T11:00:00Z"));
    EXPECT_EQ(pick_checkpoint("redis", Config(), Keyring(), Interrupt::none()), "redis");
}

TEST_F(PickHere, TakesAFileNameFirstInTheStoreThatWasNamed) {
    add("a.zip", "redis", 1, "10:00:00");
    add("here/a.zip", "redis", 1, "11:00:00");
    add("here/b.zip", "redis", 1, "11:00:00");
    const fs::path store = path("");
    const auto picked = [&](const char* wanted, const std::optional<fs::path>& named) {
        Config config;
        config.shared_storage_dump_storage_dir = store;
        return pick_checkpoint(wanted, config, Keyring(), Interrupt::none(), {.store = named});
    };
    EXPECT_EQ(picked("a.zip", store), store / "a.zip");
    EXPECT_EQ(picked("b.zip", store), "b.zip");
    EXPECT_EQ(picked("a.zip", {}), "a.zip");
    fs::remove(path("here/a.zip"));
    EXPECT_EQ(picked("a.zip", {}), (store / "a.zip").lexically_normal());
}

TEST_F(Pick, PrefersTheWholeNameToAPartOfAnother) {
    add("a.zip", "redis", 1, "10:00:00");
    add("b.zip", "redis-sentinel", 2, "11:00:00");
    EXPECT_EQ(pick("redis"), "a.zip");
}

TEST_F(Pick, RefusesANameOfSeveralProcessesWithTheList) {
    add("a.zip", "redis", 11, "10:00:00");
    add("b.zip", "redis", 12, "11:00:00");
    const Error error = refusal("redis");
    EXPECT_EQ(error.fault(), Fault::usage);
    EXPECT_NE(error.cause().find("pid 11"), std::string::npos);
    EXPECT_NE(error.cause().find("pid 12"), std::string::npos);
    EXPECT_EQ(pick("12"), "b.zip");
}

TEST_F(Pick, RefusesLatestWhenTwoProcessesShareTheNewestSecond) {
    add("a.zip", "redis", 11, "10:00:00");
    add("b.zip", "nginx", 12, "10:00:00");
    EXPECT_EQ(refusal("latest").fault(), Fault::usage);
}

TEST_F(Pick, PassesOverWhatIsDamaged) {
    add("a.zip", "redis", 1, "10:00:00");
    add("b.zip", "redis", 1, "11:00:00");
    damage("b.zip");
    EXPECT_EQ(pick("redis"), "a.zip");
    EXPECT_EQ(pick("latest"), "a.zip");
}

TEST_F(Pick, RefusesWhenNoneIsWhole) {
    add("a.zip", "redis", 1, "10:00:00");
    damage("a.zip");
    EXPECT_EQ(refusal("redis").fault(), Fault::checkpoint);
}

TEST_F(Pick, NamesTheNearestNameWhenNoneMatches) {
    add("a.zip", "redis", 1, "10:00:00");
    EXPECT_NE(refusal("reids").message().find("did you mean redis?"), std::string::npos);
    EXPECT_EQ(refusal("4242").fault(), Fault::usage);
}

TEST_F(Pick, IsAnErrorInAnEmptyStore) { EXPECT_EQ(refusal("latest").fault(), Fault::usage); }

TEST_F(Pick, TakesAPathAsItIsAndAFileNameInTheStore) {
    EXPECT_EQ(pick_checkpoint("/some/where.zip", Config(), Keyring(), Interrupt::none()), "/some/where.zip");
    EXPECT_EQ(pick_checkpoint("where.zip", Config(), Keyring(), Interrupt::none(), {.store = "/store"}),
              "/store/where.zip");
    EXPECT_EQ(pick_checkpoint("where.zip", Config(), Keyring(), Interrupt::none()), "where.zip");
}

} // namespace
} // namespace cedana
