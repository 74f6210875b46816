// SPDX-License-Identifier: Apache-2.0
// What is left of dumps and restores that were killed with their cedana, and `check --clean`.
#include "cedana/base/files.hpp"
#include "cedana/criu/adopted.hpp"
#include "cedana/files/partial_file.hpp"

#include <csignal>

#include <nlohmann/json.hpp>

#include "command/command_fixture.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;

class Clean : public WithFakeCriu {
  protected:
    CedanaRun clean() const { return cedana({"check", "--clean", "-d", store()}); }

    // A restore whose cedana is killed as soon as its CRIU has begun, which goes on.
    void kill_restore_at_its_start(const fs::path& zip, const std::string& plans = "") {
        plan(plans + "at start stay");
        // That of the dump.
        fs::remove(criu_file("at-start"));
        RunningCedana running({"client", "restore", zip}, options, folder());
        wait_for_file(criu_file("at-start"));
        running.signal(SIGKILL);
        EXPECT_EQ(running.wait().exit_code, -1);
    }
    [[nodiscard]] fs::path partial() const { return store() / partial_name("a_20261122T164510Z"); }
    // It has come to this process, whose other children are none by then.
    static void end_criu() { criu::kill_children(); }

    const fs::path log = fs::canonical(folder()) / "var" / "log";
};

TEST_F(Clean, RemovesAPartialCheckpointWhoseWriterIsGone) {
    write_text(partial(), "half");
    const CedanaRun run = clean();
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(holds(run.out, "removed"));
    EXPECT_TRUE(holds(run.out, partial().string()));
    EXPECT_EQ(names_in(store()), std::vector<std::string>());
}

TEST_F(Clean, KeepsAPartialCheckpointThatIsBeingWritten) {
    const UniqueFd written = create_partial(partial());
    const CedanaRun run = clean();
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(holds(run.out, "kept"));
    EXPECT_TRUE(holds(run.out, "it is being written"));
    EXPECT_EQ(names_in(store()).size(), 1U);
}

TEST_F(Clean, TellsOfAPartialCheckpointOfAnotherHost) {
    write_text(store() / "a_20261122T164510Z.another-7.zip.partial", "half");
    const CedanaRun run = clean();
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(holds(run.out, "another host writes it or has left it"));
    EXPECT_EQ(names_in(store()).size(), 1U);
}

TEST_F(Clean, GivesItsResultAsJson) {
    write_text(partial(), "half");
    const CedanaRun run = cedana({"--json", "check", "--clean", "-d", store()});
    const auto json = nlohmann::json::parse(run.out);
    EXPECT_EQ(json.at("removed").at(0).at("kind"), "partial checkpoint");
    EXPECT_EQ(json.at("removed").at(0).at("name"), partial().string());
}

TEST_F(Clean, KeepsWhatADumpIsWorkingOn) {
    const Target target({"/bin/sleep", "infinity"});
    RunningCedana running = start_dump_up_to("mid-image", target);
    const CedanaRun run = clean();
    EXPECT_TRUE(holds(run.out, "dump." + std::to_string(running.pid()) + "."));
    EXPECT_TRUE(holds(run.out, "a dump or a restore is at work in it"));
    running.signal(SIGTERM);
    EXPECT_EQ(running.wait().exit_code, 130);
}

TEST_F(Clean, KeepsFilesOfAKilledRestoreWhileItsCriuLives) {
    write_text(log, "of then\n");
    Target target({"/bin/sleep", "infinity"}, log);
    const fs::path zip = only_line(dump(target, {"--stop"}).out);
    target.wait_end();
    write_text(log, "of now\n");
    kill_restore_at_its_start(zip);
    EXPECT_TRUE(holds(clean().out, "a dump or a restore is at work in it"));
    EXPECT_EQ(read_file(log), "of then\n");
    end_criu();
}

TEST_F(Clean, MakesFilesOfAKilledRestoreAsTheyWere) {
    write_text(log, "of then\n");
    Target target({"/bin/sleep", "infinity"}, log);
    const fs::path zip = only_line(dump(target, {"--stop"}).out);
    target.wait_end();
    write_text(log, "of now\n");
    kill_restore_at_its_start(zip);
    end_criu();
    const CedanaRun run = clean();
    EXPECT_TRUE(holds(run.out, log.string()));
    EXPECT_EQ(read_file(log), "of now\n");
    EXPECT_EQ(names_in(log.parent_path()), std::vector<std::string>{"log"});
}

TEST_F(Clean, LeavesFilesOfAKilledRestoreWhoseCriuBroughtTheTreeBack) {
    write_text(log, "of then\n");
    Target target({"/bin/sleep", "infinity"}, log);
    const fs::path zip = only_line(dump(target, {"--stop"}).out);
    target.wait_end();
    write_text(log, "of now\n");
    kill_restore_at_its_start(zip, "log (00.500000) Restore finished successfully. Tasks resumed.\n");
    end_criu();
    EXPECT_EQ(clean().exit_code, 0);
    EXPECT_EQ(read_file(log), "of then\n");
    EXPECT_EQ(names_in(log.parent_path()).size(), 2U);
}

TEST_F(Clean, IsPartOfTheNextRestore) {
    write_text(log, "of then\n");
    Target target({"/bin/sleep", "infinity"}, log);
    const fs::path zip = only_line(dump(target, {"--stop"}).out);
    target.wait_end();
    write_text(log, "of now\n");
    kill_restore_at_its_start(zip);
    end_criu();
    plan("at start fail");
    const CedanaRun run = restore(zip);
    EXPECT_EQ(run.exit_code, 7);
    EXPECT_TRUE(holds(run.err, "is as it was before a restore that was killed"));
    EXPECT_EQ(read_file(log), "of now\n");
    fs::remove(field_of(run.err, "log"));
}

TEST_F(Clean, NeedsRoot) {
    options.executable = scratch("cedana");
    fs::copy_file(cedana_executable(), *options.executable);
    options.user = {k_nobody, k_nobody};
    options.home = scratch("home-of-nobody");
    EXPECT_EQ(clean().exit_code, 4);
}

} // namespace
} // namespace cedana::testing
