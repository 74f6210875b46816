// SPDX-License-Identifier: Apache-2.0
// A program that is told of the dump before it, and prepares itself.
#include <nlohmann/json.hpp>

#include "support/wait.hpp"
#include "system/system_fixture.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

class PreDumpSignalled : public System {
  protected:
    void SetUp() override {
        System::SetUp();
        wait_for_file(ready);
        options.environment["CEDANA_CLIENT_SIGNAL_PROCESS_PRE_DUMP"] = "true";
    }

    const fs::path ready = scratch("ready");
    const fs::path done = scratch("done");
    Target target{{target_program("prepares_on_signal"), ready, done}};
};

TEST_F(PreDumpSignalled, PreparesItselfAndComesBack) {
    options.environment["CEDANA_CLIENT_SIGNAL_PROCESS_TIMEOUT"] = "1";
    const fs::path zip = dump_and_stop(target);
    EXPECT_TRUE(fs::exists(done));
    restore_as(target.pid(), zip);
}

TEST_F(PreDumpSignalled, IsWaitedForAsLongAsItWasGiven) {
    options.environment["CEDANA_CLIENT_SIGNAL_PROCESS_TIMEOUT"] = "1";
    const CedanaRun run = dump(target.pid(), {"--json"});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    EXPECT_GE(Json::parse(run.out).at("seconds"), 1.0);
    EXPECT_TRUE(target.runs());
}

TEST_F(PreDumpSignalled, EndsTheWaitWithItsDoneFile) {
    options.environment["CEDANA_CLIENT_SIGNAL_PROCESS_TIMEOUT"] = "3600";
    options.environment["CEDANA_CLIENT_SIGNAL_PROCESS_DONE_FILE"] = done;
    const CedanaRun run = dump(target.pid());
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(fs::exists(done));
}

} // namespace
} // namespace cedana::testing
