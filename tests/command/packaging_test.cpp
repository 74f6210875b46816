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
    // systemd.unit(5): %i is the instance, %S the folder of states.
    [[nodiscard]] std::string value_of(const std::string& key, const std::string& service) const {
        std::string value;
        for (const std::string& one :
             split(read_file(fs::path(CEDANA_SOURCE_DIR) / "packaging/cedana-dump@.service"), '\n'))
            if (one.starts_with(key + "="))
                value = one.substr(key.size() + 1);
        value = std::regex_replace(value, std::regex("%i"), service);
        return std::regex_replace(value, std::regex("%S"), scratch("state").string());
    }
    // Made before either line is run (systemd.exec(5)).
    [[nodiscard]] fs::path state_folder(const std::string& service) const {
        fs::path made = scratch("state") / value_of("StateDirectory", service);
        fs::create_directories(made);
        return made;
    }
    [[nodiscard]] Captured run(const std::string& key, const std::string& service = "sleeper") const {
        static_cast<void>(state_folder(service));
        // What systemd would say of either service, as if they ran one program: it need not run here.
        const std::string line = std::regex_replace(value_of(key, service), std::regex("--unit " + service + "( |$)"),
                                                    fmt::format("--pid {}$1", target.pid()));
        std::vector<std::string> argv = split(line, ' ');
        if (argv.front() != "cedana")
            throw Error(Fault::internal, "not a line that this test understands: " + line);
        argv.front() = cedana_executable();
        return run_captured(
            {.argv = argv,
             .env = std::vector<std::string>{"PATH=/usr/bin:/bin", "CEDANA_CRIU_PATH=" + criu().string()}},
            std::chrono::seconds(30));
    }
};

TEST_F(DumpUnit, CheckpointsTheMainProcessOfTheService) {
    const Captured dumped = run("ExecStart");
    EXPECT_TRUE(dumped.status.success()) << dumped.err;
    EXPECT_TRUE(fs::exists(only_line(dumped.out)));
    EXPECT_EQ(fs::path(only_line(dumped.out)).parent_path(), state_folder("sleeper"));
    EXPECT_TRUE(is_running(target.pid()));
}

TEST_F(DumpUnit, KeepsTheLastFive) {
    for (int i = 0; i < 6; ++i)
        ASSERT_TRUE(run("ExecStart").status.success());
    const Captured pruned = run("ExecStartPost");
    EXPECT_TRUE(pruned.status.success()) << pruned.err;
    EXPECT_EQ(names_in(state_folder("sleeper"), ".zip").size(), 5U);
}

TEST_F(DumpUnit, KeepsThoseOfOneServiceWhateverAnotherOfTheSameProgramHas) {
    const Captured dumped = run("ExecStart", "keeper");
    ASSERT_TRUE(dumped.status.success()) << dumped.err;
    for (int i = 0; i < 5; ++i)
        ASSERT_TRUE(run("ExecStart", "sleeper").status.success());
    const Captured pruned = run("ExecStartPost", "sleeper");
    EXPECT_TRUE(pruned.status.success()) << pruned.err;
    EXPECT_TRUE(fs::exists(only_line(dumped.out)));
}

} // namespace
} // namespace cedana::testing
