// SPDX-License-Identifier: Apache-2.0
// The lines that systemd would run, run as it would run them.
#include "cedana/base/child_process.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"

#include <regex>

#include <spdlog/fmt/fmt.h>

#include "command/command_fixture.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;

class DumpUnit : public WithTarget {
  protected:
    void SetUp() override {
        WithTarget::SetUp();
        fs::create_directories(bin());
        fs::create_directories(scratch("state/cedana"));
        fs::create_symlink(cedana_executable(), bin() / "cedana");
        write_script(bin() / "systemctl", fmt::format("#!/bin/sh\n[ \"$*\" = \"show --property=MainPID --value "
                                                      "sleeper.service\" ] && echo {}\n",
                                                      target.pid()));
    }
    [[nodiscard]] fs::path bin() const { return folder() / "bin"; }

    // systemd.unit(5): %i is the instance, %S the folder of states, $$ a dollar sign.
    [[nodiscard]] Captured run(const std::string& key) const {
        std::string line;
        for (const std::string& one :
             split(read_file(fs::path(CEDANA_SOURCE_DIR) / "packaging/cedana-dump@.service"), '\n'))
            if (one.starts_with(key + "="))
                line = one.substr(key.size() + 1);
        line = std::regex_replace(line, std::regex("%i"), "sleeper");
        line = std::regex_replace(line, std::regex("%S"), scratch("state").string());
        line = std::regex_replace(line, std::regex("\\$\\$"), "$$");
        std::smatch parts;
        if (!std::regex_match(line, parts, std::regex("/bin/sh -c '(.*)' (.*)")))
            throw Error(Fault::internal, "not a line that this test understands: " + line);
        std::vector<std::string> argv = {"/bin/sh", "-c", parts[1]};
        for (const std::string& word : split(parts[2].str(), ' '))
            argv.push_back(word);
        return run_captured({.argv = argv,
                             .env = std::vector<std::string>{"PATH=" + bin().string() + ":/usr/bin:/bin",
                                                             "CEDANA_CRIU_PATH=" + criu().string()}},
                            std::chrono::seconds(30));
    }
};

TEST_F(DumpUnit, CheckpointsTheMainProcessOfTheService) {
    const Captured dumped = run("ExecStart");
    EXPECT_TRUE(dumped.status.success()) << dumped.err;
    EXPECT_TRUE(fs::exists(only_line(dumped.out)));
    EXPECT_EQ(fs::path(only_line(dumped.out)).parent_path(), scratch("state/cedana"));
    EXPECT_TRUE(is_running(target.pid()));
}

TEST_F(DumpUnit, KeepsTheLastFive) {
    for (int i = 0; i < 6; ++i)
        ASSERT_TRUE(run("ExecStart").status.success());
    const Captured pruned = run("ExecStartPost");
    EXPECT_TRUE(pruned.status.success()) << pruned.err;
    EXPECT_EQ(names_in(scratch("state/cedana"), ".zip").size(), 5U);
}

} // namespace
} // namespace cedana::testing
