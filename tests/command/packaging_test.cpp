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
        fs::create_symlink(cedana_executable(), bin() / "cedana");
        // Of both services, as if they ran one program.
        write_script(bin() / "systemctl", fmt::format("#!/bin/sh\ncase $* in 'show --property=MainPID --value "
                                                      "'*er.service) echo {} ;; *) exit 1 ;; esac\n",
                                                      target.pid()));
    }
    [[nodiscard]] fs::path bin() const { return folder() / "bin"; }

    // systemd.unit(5): %i is the instance, %S the folder of states, $$ a dollar sign.
    [[nodiscard]] std::string value_of(const std::string& key, const std::string& service) const {
        std::string value;
        for (const std::string& one :
             split(read_file(fs::path(CEDANA_SOURCE_DIR) / "packaging/cedana-dump@.service"), '\n'))
            if (one.starts_with(key + "="))
                value = one.substr(key.size() + 1);
        value = std::regex_replace(value, std::regex("%i"), service);
        value = std::regex_replace(value, std::regex("%S"), scratch("state").string());
        return std::regex_replace(value, std::regex("\\$\\$"), "$$");
    }
    // Made before either line is run (systemd.exec(5)).
    [[nodiscard]] fs::path state_folder(const std::string& service) const {
        fs::path made = scratch("state") / value_of("StateDirectory", service);
        fs::create_directories(made);
        return made;
    }
    [[nodiscard]] Captured run(const std::string& key, const std::string& service = "sleeper") const {
        static_cast<void>(state_folder(service));
        const std::string line = value_of(key, service);
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
