// SPDX-License-Identifier: Apache-2.0
// What is in a process's memory, environment and files goes into its checkpoint, and nowhere else.
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"

#include <cstdlib>

#include <nlohmann/json.hpp>

#include <sys/stat.h>

#include "support/wait.hpp"
#include "system/system_fixture.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;

constexpr const char* k_variable = "CEDANA_TEST_TOKEN";

// The path of the log that an error names; empty if it names none.
std::string log_of(const CedanaRun& run) {
    for (const std::string& line : split(run.err, '\n'))
        if (const std::string_view text = trim(line); text.starts_with("log:"))
            return std::string(trim(text.substr(4)));
    return {};
}

class Leak : public System {
  protected:
    Leak() {
        ::setenv(k_variable, secret().c_str(), 1);
        // A search of all command lines at each step, by a pattern that stands in none itself.
        write_text(scratch("pattern"), secret());
        write_script(scratch("hook"), "#!/bin/sh\ngrep -s -a -l -F -f " + scratch("pattern").string() +
                                          " /proc/[0-9]*/cmdline >> " + scratch("found").string() + "\nexit 0\n");
        write_text(options.home / ".cedana" / "cedana_config.json",
                   nlohmann::json{{"criu", {{"extra_args", {"-v4"}}}},
                                  {"action_scripts",
                                   {{"pre_dump", scratch("hook")},
                                    {"post_dump", scratch("hook")},
                                    {"pre_restore", scratch("hook")},
                                    {"post_restore", scratch("hook")}}}}
                       .dump());
    }
    ~Leak() override { ::unsetenv(k_variable); }

    static std::string secret() { return "tok-5f0c9a7e-of-nobody-else"; }
    void expect_none_in(const std::string& text, const std::string& where) const {
        EXPECT_EQ(text.find(secret()), std::string::npos) << where;
        EXPECT_EQ(text.find("5f0c9a7e"), std::string::npos) << where;
    }
    void expect_none_in(const CedanaRun& run, const std::string& what) const {
        expect_none_in(run.out, "stdout of " + what);
        expect_none_in(run.err, "stderr of " + what);
        if (const std::string log = log_of(run); !log.empty()) {
            expect_none_in(read_file(log), "the log of " + what);
            struct ::stat info {};
            ASSERT_EQ(::stat(log.c_str(), &info), 0);
            EXPECT_EQ(info.st_mode & 0077U, 0U) << log;
        }
    }
    void expect_none_below(const fs::path& folder) const {
        for (const auto& entry : fs::recursive_directory_iterator(folder))
            if (entry.is_regular_file())
                expect_none_in(read_file(entry.path(), 1UL << 30U), entry.path());
    }
    // It has the secret in its environment, and thus in its memory, and in a file that it writes.
    [[nodiscard]] Target target() const {
        return Target({"/bin/sh", "-c",
                       "exec 3>>\"$0\"; echo \"$" + std::string(k_variable) + "\" >&3; exec sleep 1000",
                       scratch("written")});
    }
    void wait_until_written() const {
        wait_for_file(scratch("written"));
        const auto deadline = std::chrono::steady_clock::now() + k_wait_limit;
        while (read_file(scratch("written")).empty() && std::chrono::steady_clock::now() < deadline) {}
    }
    CedanaRun run(const std::vector<std::string>& arguments) const { return run_cedana(arguments, options); }
};

TEST_F(Leak, OfADumpAndARestoreThereIsNone) {
    Target program = target();
    wait_until_written();
    options.environment["CRIU_FAULT"] = "3";
    const CedanaRun failed = dump(program.pid(), {"--verbose"});
    EXPECT_EQ(failed.exit_code, 6) << failed.err;
    EXPECT_NE(log_of(failed), "");
    expect_none_in(failed, "a dump that fails");
    options.environment.clear();

    expect_none_in(dump(program.pid(), {"--dry-run", "--json"}), "a dry run");
    const CedanaRun dumped = dump(program.pid(), {"--stop", "--verbose"});
    ASSERT_EQ(dumped.exit_code, 0) << dumped.err;
    expect_none_in(dumped, "a dump");
    program.wait_end();
    const fs::path zip = only_line(dumped.out);
    for (const std::vector<std::string>& look : {std::vector<std::string>{"inspect", zip},
                                                 {"inspect", zip, "--json"},
                                                 {"list", store(), "--json"},
                                                 {"verify", zip, "--json"},
                                                 {"inspect", zip, "--html", scratch("page.html")}}) {
        std::vector<std::string> arguments = {"client"};
        arguments.insert(arguments.end(), look.begin(), look.end());
        expect_none_in(run(arguments), look.front());
    }
    expect_none_in(read_file(scratch("page.html")), "the page");

    options.environment["CRIU_FAULT"] = "2";
    const CedanaRun not_restored = run({"client", "restore", zip, "--verbose"});
    EXPECT_EQ(not_restored.exit_code, 7) << not_restored.err;
    expect_none_in(not_restored, "a restore that fails");
    options.environment.clear();
    const CedanaRun restored = run({"client", "restore", zip, "--verbose"});
    ASSERT_EQ(restored.exit_code, 0) << restored.err;
    const Orphan back(std::stoi(restored.out));
    expect_none_in(restored, "a restore");

    expect_none_below("/run/cedana");
    EXPECT_EQ(read_file(scratch("found")), "") << "in command lines";
    EXPECT_EQ(names_in(store()), std::vector<std::string>{zip.filename()});
}

} // namespace
} // namespace cedana::testing
