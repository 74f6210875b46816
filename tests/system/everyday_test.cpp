// SPDX-License-Identifier: Apache-2.0
// Programs of the languages that people write services in: python3, node and Java.
#include <unistd.h>

#include "system/network.hpp"
#include "system/step_log.hpp"
#include "system/system_fixture.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;

class Everyday : public System {
  protected:
    // Dumps it, brings it back, and expects that every log counts on where it was.
    void expect_to_count_on(Target& target, const std::vector<fs::path>& logs) const {
        for (const fs::path& log : logs)
            wait_for_lines(log, 50);
        const fs::path zip = dump_and_stop(target);
        restore_as(target.pid(), zip);
        for (const fs::path& log : logs)
            EXPECT_TRUE(count_on_from(1, wait_for_more_lines(log, 50)));
    }
};

TEST_F(Everyday, PythonWithThreadsASubprocessAndADatabaseGoesOn) {
    require_program("/usr/bin/python3", "python3");
    Target target({"/usr/bin/python3", script("everyday.py"), scratch("database"), scratch("log")}, scratch("out"));
    expect_to_count_on(target, {scratch("log-0"), scratch("log-1")});
    EXPECT_EQ(lines_of(scratch("out")), std::vector<std::string>{});
}

TEST_F(Everyday, NodeGoesOnAndAnswers) {
    if (::access("/usr/bin/node", X_OK) != 0)
        GTEST_SKIP() << "there is no /usr/bin/node: apt-get install nodejs";
    const std::uint16_t port = free_port();
    Target target({"/usr/bin/node", script("everyday.js"), scratch("log"), std::to_string(port)}, scratch("out"));
    wait_for_text(scratch("out"), "listening");
    expect_to_count_on(target, {scratch("log")});
    EXPECT_TRUE(holds(http_get(port, "/"), "at "));
}

TEST_F(Everyday, JavaGoesOn) {
    if (::access("/usr/bin/javac", X_OK) != 0)
        GTEST_SKIP() << "there is no /usr/bin/javac: apt-get install openjdk-17-jdk-headless";
    Target target({"/usr/bin/java", script("Everyday.java"), scratch("log")}, scratch("out"));
    expect_to_count_on(target, {scratch("log")});
}

} // namespace
} // namespace cedana::testing
