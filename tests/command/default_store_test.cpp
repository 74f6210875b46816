// SPDX-License-Identifier: Apache-2.0
// Where checkpoints are when nobody says so: /var/lib/cedana, here in a mount namespace of a test's own.
#include "cedana/base/files.hpp"

#include <sys/stat.h>

#include "command/command_fixture.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;

class DefaultStore : public WithTarget {
  protected:
    // The command lines one after the other, with an empty /var/lib that ends with them.
    [[nodiscard]] CedanaRun run_all(const std::string& lines) const {
        RunOptions shell = options;
        shell.executable = "/usr/bin/unshare";
        return run_cedana({"-m", "/bin/sh", "-c",
                           "mount --make-rprivate / && mount -t tmpfs tmpfs /var/lib && cedana() { " +
                               cedana_executable().string() + " \"$@\"; }\n" + lines},
                          shell);
    }
};

TEST_F(DefaultStore, IsMadeByTheFirstDumpForRootAlone) {
    const CedanaRun run = run_all("umask 0; cedana client list && cedana client dump -p " + target.pid_text() +
                                  " --dry-run >/dev/null && ! test -e /var/lib/cedana && cedana dump " +
                                  target.pid_text() + " && stat -c '%a %U' /var/lib/cedana");
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(matches(run.out, "/var/lib/cedana/sleep_[0-9TZ]+\\.zip\n700 root\n")) << run.out;
    EXPECT_TRUE(holds(run.err, "no checkpoints in /var/lib/cedana"));
}

TEST_F(DefaultStore, IsWhereEveryCommandLooks) {
    const CedanaRun run = run_all("cedana dump " + target.pid_text() +
                                  " >/dev/null && cedana list -q && cedana inspect latest >/dev/null && "
                                  "cedana rm sleep --quiet && cedana list");
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(matches(run.out, "(/var/lib/cedana/sleep_[0-9TZ]+\\.zip)\n\\1\n")) << run.out;
    EXPECT_TRUE(holds(run.err, "no checkpoints in /var/lib/cedana"));
}

TEST_F(DefaultStore, ComesAfterTheSettings) {
    options.environment["CEDANA_SHARED_STORAGE_DUMP_STORAGE_DIR"] = store();
    const CedanaRun run = run_all("cedana dump " + target.pid_text() + "; test -e /var/lib/cedana || echo none");
    EXPECT_TRUE(matches(run.out, store().string() + "/sleep_[0-9TZ]+\\.zip\nnone\n")) << run.out << run.err;
}

TEST_F(DefaultStore, IsToldByCheck) {
    EXPECT_TRUE(holds(run_all("cedana check").out, "/var/lib/cedana, which the first dump makes"));
}

// What was built and installed without a package has no such folder.
TEST_F(DefaultStore, IsNotTheOnlyFolderThatIsMade) {
    const CedanaRun run = run_all("mount -t tmpfs tmpfs /etc && cedana config keygen /etc/cedana/signing.key && "
                                  "stat -c %a /etc/cedana && cedana config keygen /etc/absent/signing.key");
    EXPECT_EQ(run.out, "/etc/cedana/signing.key.pub\n755\n");
    EXPECT_EQ(run.exit_code, 9);
    EXPECT_EQ(field_of(run.err, "hint"), "mkdir -p /etc/absent");
}

} // namespace
} // namespace cedana::testing
