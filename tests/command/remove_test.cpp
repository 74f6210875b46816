// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/files.hpp"

#include <nlohmann/json.hpp>

#include "command/command_fixture.hpp"
#include "support/synthetic_checkpoint.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

class Remove : public AnyUser {
  protected:
    Remove() {
        fs::create_directories(store());
        add("a.zip", "redis-server", 11, "10:00:00");
        add("b.zip", "redis-server", 11, "11:00:00");
        add("c.zip", "nginx", 12, "09:00:00");
    }
    [[nodiscard]] fs::path store() const { return folder() / "store"; }
    void add(const std::string& file, const std::string& name, pid_t pid, const std::string& time) const {
        write_checkpoint(store() / file, plausible_manifest(name, pid, "2026-11-22T" + time + "Z"));
    }
    [[nodiscard]] CedanaRun remove(std::vector<std::string> words) const {
        words.insert(words.begin(), {"rm", "-d", store()});
        return cedana(words);
    }
    [[nodiscard]] std::vector<std::string> left() const { return names_in(store()); }
};

TEST_F(Remove, TakesTheNewestOfANameAndPrintsIt) {
    const CedanaRun run = remove({"redis-server"});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(only_line(run.out), (store() / "b.zip").string());
    EXPECT_EQ(left(), (std::vector<std::string>{"a.zip", "c.zip"}));
}

TEST_F(Remove, TakesTheNewestBeforeATime) {
    EXPECT_EQ(only_line(remove({"redis-server", "--before", "2026-11-22T10:30"}).out), (store() / "a.zip").string());
    EXPECT_EQ(remove({"redis-server", "--before", "2026-11-22"}).exit_code, 2);
    EXPECT_EQ(remove({"redis-server", "--before", "yesterday"}).exit_code, 2);
    EXPECT_EQ(remove({store() / "b.zip", "--before", "2h"}).exit_code, 2);
    EXPECT_EQ(left(), (std::vector<std::string>{"b.zip", "c.zip"}));
}

TEST_F(Remove, TakesPathsPidsAndTheLatest) {
    EXPECT_EQ(remove({store() / "a.zip", "12"}).exit_code, 0);
    EXPECT_EQ(left(), (std::vector<std::string>{"b.zip"}));
    EXPECT_EQ(remove({"latest"}).exit_code, 0);
    EXPECT_TRUE(left().empty());
}

TEST_F(Remove, TakesNothingIfOneIsNotThere) {
    EXPECT_EQ(remove({"redis-server", "no-such"}).exit_code, 2);
    EXPECT_EQ(left().size(), 3U);
}

TEST_F(Remove, LeavesWhatIsNoCheckpoint) {
    write_text(store() / "d.zip", "PK");
    EXPECT_EQ(remove({store() / "d.zip"}).exit_code, 8);
    EXPECT_EQ(left().size(), 4U);
}

TEST_F(Remove, AsksOnATerminalUnlessItIsToldYesBeforehand) {
    const std::string line = "rm -d " + store().string() + " nginx";
    const CedanaRun refused = cedana_on_terminal(line, "n\\n");
    EXPECT_EQ(refused.exit_code, 2) << refused.out;
    EXPECT_TRUE(holds(refused.out, "c.zip (nginx, pid 12, ")) << refused.out;
    EXPECT_TRUE(holds(refused.out, "nothing was done"));
    EXPECT_EQ(left().size(), 3U);
    EXPECT_EQ(cedana_on_terminal(line, "y\\n").exit_code, 0);
    EXPECT_EQ(left().size(), 2U);
    EXPECT_EQ(cedana_on_terminal("rm -y -d " + store().string() + " latest", "n\\n").exit_code, 0);
    EXPECT_EQ(left().size(), 1U);
}

TEST_F(Remove, GivesOneJsonObjectOnRequest) {
    const Json json = Json::parse(only_line(remove({"nginx", "nginx", "--json"}).out));
    EXPECT_EQ(json.at("checkpoints").size(), 1U);
    EXPECT_EQ(json.at("checkpoints").at(0).at("name"), "nginx");
    EXPECT_GT(json.at("bytes_removed"), 0);
}

} // namespace
} // namespace cedana::testing
