// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/store/pick.hpp"

#include <filesystem>
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
        return pick_checkpoint(wanted, path(""), Config(), Keyring(), Interrupt::none()).filename();
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

TEST_F(Pick, TakesAPartOfANameIfItMeansOneProcess) {
    add("a.zip", "redis-server", 1, "10:00:00");
    add("b.zip", "nginx", 2, "11:00:00");
    EXPECT_EQ(pick("redis"), "a.zip");
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
    EXPECT_EQ(pick_checkpoint("/some/where.zip", {}, Config(), Keyring(), Interrupt::none()), "/some/where.zip");
    EXPECT_EQ(pick_checkpoint("where.zip", "/store", Config(), Keyring(), Interrupt::none()), "/store/where.zip");
    EXPECT_EQ(pick_checkpoint("where.zip", {}, Config(), Keyring(), Interrupt::none()), "where.zip");
}

} // namespace
} // namespace cedana
