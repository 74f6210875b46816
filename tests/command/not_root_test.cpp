// SPDX-License-Identifier: Apache-2.0
// What a user sees who has not typed sudo: that it is missing, and not that something is broken.
#include "cedana/base/files.hpp"

#include <nlohmann/json.hpp>

#include "command/command_fixture.hpp"
#include "support/synthetic_checkpoint.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

class NotRoot : public WithFakeCriu {
  protected:
    void SetUp() override {
        WithFakeCriu::SetUp();
        write_checkpoint(zip(), plausible_manifest("redis-server", 999'999, "2026-11-22T10:00:00Z"));
        fs::permissions(zip(), fs::perms::owner_read | fs::perms::owner_write);
        for (const fs::path& open : {folder(), store(), home()})
            fs::permissions(open, fs::perms::owner_all | fs::perms::group_read | fs::perms::group_exec |
                                      fs::perms::others_read | fs::perms::others_exec);
        options.user = {k_nobody, k_nobody};
    }
    [[nodiscard]] fs::path zip() const { return store() / "redis-server_20261122T100000Z.zip"; }
    void expect_told(const std::vector<std::string>& words) const {
        const CedanaRun run = cedana(words);
        EXPECT_EQ(run.exit_code, 4) << run.out << run.err;
        EXPECT_EQ(field_of(run.err, "hint"), "run it with sudo") << run.err;
        EXPECT_FALSE(holds(run.out + run.err, "damaged"));
    }
};

TEST_F(NotRoot, IsToldSoByEveryCommandThatReadsCheckpoints) {
    expect_told({"client", "list", store()});
    expect_told({"client", "list", "-q", store()});
    expect_told({"client", "verify", zip()});
    expect_told({"client", "verify", "latest", "-d", store()});
    expect_told({"client", "inspect", zip()});
    expect_told({"client", "inspect", "redis-server", "-d", store()});
    expect_told({"client", "restore", "latest", "-d", store()});
    expect_told({"client", "restore", "redis-server", "-d", store(), "--dry-run"});
    expect_told({"client", "prune", store(), "--keep-last", "1"});
    expect_told({"client", "rm", zip()});
    EXPECT_TRUE(fs::exists(zip()));
}

TEST_F(NotRoot, SeesWhatIsThereAndThatItIsNotReadable) {
    const CedanaRun text = cedana({"client", "list", store()});
    EXPECT_TRUE(holds(text.out, "not readable: run with sudo"));
    EXPECT_TRUE(holds(text.err, "1 checkpoint in the store is not readable"));
    const Json json = Json::parse(only_line(cedana({"client", "list", store(), "--json"}).out));
    EXPECT_EQ(json.at("entries").at(0).at("kind"), "unreadable");
    EXPECT_EQ(json.at("fault"), "permission");
}

TEST_F(NotRoot, IsToldSoOfAStoreThatIsClosed) {
    fs::permissions(store(), fs::perms::owner_all);
    expect_told({"client", "list", store()});
    expect_told({"client", "verify", "latest", "-d", store()});
    expect_told({"client", "verify", zip()});
    expect_told({"client", "inspect", zip()});
    expect_told({"client", "rm", zip()});
    expect_told({"client", "rm", "latest", "-d", store()});
}

TEST_F(NotRoot, IsNotAdvisedToChangeTheHost) {
    const CedanaRun run = cedana({"check"});
    EXPECT_EQ(run.exit_code, 5);
    EXPECT_TRUE(holds(run.out, "remedy:   run it with sudo"));
    for (const char* advice : {"sysctl", "mount -o", "modprobe", "CONFIG_", "apt-get"})
        EXPECT_FALSE(holds(run.out, advice)) << run.out;
}

} // namespace
} // namespace cedana::testing
