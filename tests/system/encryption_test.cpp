// SPDX-License-Identifier: Apache-2.0
// Encrypted checkpoints of real processes: they hold nothing that can be read, come back with the right key alone, and
// lazily too.
#include "cedana/base/files.hpp"

#include <fstream>

#include <nlohmann/json.hpp>

#include "system/step_log.hpp"
#include "system/system_fixture.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

class Encrypted : public System {
  protected:
    void keygen(const std::string& name, const std::vector<std::string>& more = {}) const {
        std::vector<std::string> arguments = {"config", "keygen", scratch(name)};
        arguments.insert(arguments.end(), more.begin(), more.end());
        const CedanaRun run = run_cedana(arguments, options);
        ASSERT_EQ(run.exit_code, 0) << run.err;
    }
    void set(const std::string& setting, const std::string& file) {
        options.environment["CEDANA_SECURITY_" + setting] = scratch(file);
    }
    [[nodiscard]] CedanaRun with_passphrase(const std::vector<std::string>& arguments) const {
        std::ofstream(scratch("passphrase")) << "correct horse\n";
        return run_with_passphrase(arguments, options, scratch("passphrase"));
    }

    const fs::path log = scratch("log");
};

// The host that dumps has the public key of the host that restores, and the other way round.
TEST_F(Encrypted, ForARecipientAndSignedCountsOnWhereItsKeysAre) {
    keygen("signing");
    keygen("identity", {"--recipient"});
    set("SIGNING_KEY", "signing");
    set("RECIPIENTS", "identity.pub");
    Target target({target_program("counter"), log, "16"});
    wait_for_more_lines(log, k_steps);
    const fs::path zip = dump_and_stop(target);
    const std::string archive = read_file(zip);
    for (const std::string& text : {log.string(), std::string("pages-1.img"), std::string("command_line")})
        EXPECT_FALSE(holds(archive, text)) << text;
    const CedanaRun unreadable = restore(zip);
    EXPECT_EQ(unreadable.exit_code, 4) << unreadable.err;
    EXPECT_TRUE(own_children().empty());
    options.environment.erase("CEDANA_SECURITY_SIGNING_KEY");
    options.environment.erase("CEDANA_SECURITY_RECIPIENTS");
    set("TRUSTED_KEYS", "signing.pub");
    set("IDENTITY", "identity");
    const CedanaRun verified = run_cedana({"client", "verify", zip}, options);
    EXPECT_EQ(verified.exit_code, 0) << verified.err;
    restore_as(target.pid(), zip);
    EXPECT_TRUE(count_on_from(1, wait_for_more_lines(log, k_steps)));
}

TEST_F(Encrypted, ByAPassphraseHasItsMemoryAfterALazyRestore) {
    Target target({target_program("filled"), "pages_and_holes", "48", log.string(), scratch("go").string()});
    wait_for_lines(log, 1);
    const CedanaRun dumped = with_passphrase(dump_arguments(target.pid(), {"--stop"}));
    ASSERT_EQ(dumped.exit_code, 0) << dumped.err;
    EXPECT_EQ(target.wait_end().signal(), SIGKILL);
    reap_all();
    const std::string zip = only_line(dumped.out);
    EXPECT_EQ(run_cedana({"client", "restore", "--lazy", zip}, options).exit_code, 4);
    const CedanaRun restored = with_passphrase({"client", "restore", "--lazy", "--json", zip});
    ASSERT_EQ(restored.exit_code, 0) << restored.err;
    EXPECT_EQ(Json::parse(restored.out).at("pid"), target.pid());
    EXPECT_GT(Json::parse(restored.out).at("lazy").at("bytes_lazy"), 0);
    std::ofstream(scratch("go")) << "go";
    EXPECT_EQ(wait_for_lines(log, 2), (std::vector<std::string>{"ready", "right"}));
    EXPECT_TRUE(is_running(target.pid()));
}

} // namespace
} // namespace cedana::testing
