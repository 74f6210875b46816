// SPDX-License-Identifier: Apache-2.0
// A disk that fails under a dump or a restore, at each of the calls that they make there, one run for each: it fails
// once (EIO), it is full from there on (ENOSPC), or the call was made and the answer lost (EIO again). The calls take
// these three ways in turn; with CEDANA_THOROUGH=1 in the environment each call takes all of them, in three times the
// time.
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/checkpoint/whole_check.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <map>
#include <regex>

#include "command/command_fixture.hpp"
#include "support/wait.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;

struct Failing {
    int error;
    const char* how;
    // The numbers of the calls that fail: this one, and from there in such steps.
    int first;
    int step;
};

class FailingDisk : public WithFakeCriu, public ::testing::WithParamInterface<Failing> {
  protected:
    FailingDisk() {
        options.environment["LD_PRELOAD"] = FAILING_CALLS;
        options.environment["FAILING_UNDER"] = folder().string() + ":/run/cedana";
        options.environment["FAILING_TOLD"] = told();
        // The file that is made with the first use is not what is tested here.
        cedana({"config", "path"});
    }

    static int first_call() { return is_thorough() ? 1 : GetParam().first; }
    static int call_after(int number) { return number + (is_thorough() ? 1 : GetParam().step); }
    void fail_at(int number) {
        options.environment["FAILING_CALL"] =
            std::to_string(number) + " " + std::to_string(GetParam().error) + " " + GetParam().how;
        fs::remove(told());
    }
    // What failed, for messages; empty if the run made fewer calls.
    [[nodiscard]] std::string failed_call() const {
        if (!fs::exists(told()))
            return {};
        const std::vector<std::string> lines = split(read_file(told()), '\n');
        const auto failed = std::ranges::find_if(lines, [](const auto& line) { return line.ends_with(" failed"); });
        return failed == lines.end() ? "" : *failed;
    }

    // Exit 9, or another that the table in docs/reference.md has for it; and never a fault of cedana's own.
    static void expect_told(const CedanaRun& run, const std::string& call) {
        EXPECT_TRUE(run.exit_code == 0 || run.exit_code == 9 || run.exit_code == 7) << call << "\n" << run.err;
        EXPECT_EQ(run.exit_code != 0, holds(run.err, "error: ")) << call << "\n" << run.err;
    }

    static void expect_named_rightly(const CedanaRun& run, const std::string& call) {
        static const std::regex k_named("the checkpoint is whole: (.*)");
        for (const std::string& line : split(run.err, '\n')) {
            std::smatch named;
            const bool is_told = std::regex_search(line, named, k_named);
            EXPECT_TRUE(!is_told || fs::exists(named[1].str())) << call << "\n" << run.err;
        }
    }

    // What fsync says is believed.
    static void expect_believed(const CedanaRun& run, const std::string& call) {
        EXPECT_TRUE(run.exit_code == 9 || call.find(" fsync ") == std::string::npos) << call;
    }

  private:
    // Not under the folders that fail.
    [[nodiscard]] fs::path told() const { return away_.path() / "told"; }
    KeptFolder away_;
};

class DumpOnFailingDisk : public FailingDisk {
  protected:
    DumpOnFailingDisk() {
        fs::create_directories(shared());
        options.environment["CEDANA_SHARED_STORAGE_MOUNT_POINT"] = shared();
    }
    [[nodiscard]] fs::path shared() const { return scratch("shared"); }

    // The checkpoints that there are; each must be whole.
    std::vector<fs::path> whole_checkpoints(const std::string& call) const {
        std::vector<fs::path> found;
        for (const fs::path& place : {store(), shared()})
            for (const std::string& name : names_in(place, ".zip")) {
                found.push_back(place / name);
                EXPECT_NO_THROW(static_cast<void>(WholeCheck(1, Keyring()).run(found.back()))) << call;
            }
        return found;
    }

    void expect_no_more(const std::string& call, std::size_t checkpoints) const {
        EXPECT_LE(names_in(store()).size() + names_in(shared()).size(), checkpoints) << call;
    }

    static fs::path work_file(const std::string& work, const char* name) {
        return fs::path("/run/cedana") / work / name;
    }

    void remove_all() const {
        for (const fs::path& place : {store(), shared()})
            for (const std::string& name : names_in(place))
                fs::remove(place / name);
    }
};

bool removes(const std::string& call) { return call.find(" unlink") != std::string::npos; }

TEST_P(DumpOnFailingDisk, LeavesTheTreeRunningAndOnlyWholeCheckpoints) {
    const Target target({"/bin/sleep", "infinity"});
    for (int number = first_call();; number = call_after(number)) {
        fail_at(number);
        const CedanaRun run = dump(target);
        const std::string call = failed_call();
        if (call.empty()) {
            EXPECT_EQ(run.exit_code, 0) << run.err;
            EXPECT_GT(number, 20);
            break;
        }
        expect_told(run, call);
        expect_believed(run, call);
        expect_named_rightly(run, call);
        EXPECT_TRUE(target.runs()) << call;
        const std::vector<fs::path> checkpoints = whole_checkpoints(call);
        EXPECT_GE(checkpoints.size(), run.exit_code == 0 ? 1U : 0U) << call;
        // What could not be removed is there still, and the next dump removes it.
        expect_no_more(call, checkpoints.size() + (removes(call) ? 1 : 0));
        remove_all();
    }
    EXPECT_EQ(abandoned_working_folders(), std::vector<std::string>());
}

TEST_P(DumpOnFailingDisk, EndsATreeOnlyWithAWholeCheckpoint) {
    for (int number = first_call();; number = call_after(number)) {
        Target target({"/bin/sleep", "infinity"});
        fail_at(number);
        const CedanaRun run = dump(target, {"--stop"});
        const std::string call = failed_call();
        if (call.empty())
            break;
        expect_told(run, call);
        expect_believed(run, call);
        expect_named_rightly(run, call);
        const std::size_t checkpoints = whole_checkpoints(call).size();
        // A checkpoint may need what is taken back when its tree runs on.
        EXPECT_EQ(target.runs(), checkpoints == 0) << call << run.err;
        EXPECT_TRUE(!target.runs() || run.exit_code != 0) << call;
        // Else the next dump would take back what the checkpoint needs.
        for (const std::string& work : abandoned_working_folders())
            EXPECT_TRUE(fs::exists(work_file(work, "published")) || !fs::exists(work_file(work, "dump.record")))
                << call;
        remove_all();
    }
}

// Those of the dump, and that of a file which has lost its name and has another.
class DumpAmongUnreadableFolders : public DumpOnFailingDisk {
  protected:
    DumpAmongUnreadableFolders() { options.environment["FAILING_ONLY"] = "readdir"; }

    [[nodiscard]] std::vector<std::string> program() const {
        const std::string file = (scratch("files") / "lost").string();
        fs::remove_all(scratch("files"));
        fs::create_directories(scratch("files"));
        return {"/bin/sh", "-c",
                "exec 3>" + file + " && ln " + file + " " + file + ".other && rm " + file + " && touch " + file +
                    ".gone && exec sleep infinity"};
    }
};

TEST_P(DumpAmongUnreadableFolders, EndsATreeOnlyWithAWholeCheckpoint) {
    for (int number = first_call();; number = call_after(number)) {
        const Target target(program());
        wait_for_file(scratch("files") / "lost.gone");
        fail_at(number);
        const CedanaRun run = dump(target, {"--stop"});
        const std::string call = failed_call();
        if (call.empty()) {
            EXPECT_EQ(run.exit_code, 0) << run.err;
            EXPECT_GT(number, 10);
            break;
        }
        expect_told(run, call);
        EXPECT_EQ(whole_checkpoints(call).size(), run.exit_code == 0 ? 1U : 0U) << call;
        EXPECT_EQ(target.runs(), run.exit_code != 0) << call << run.err;
        remove_all();
    }
}

using Contents = std::map<std::string, std::string>;

class RestoreOnFailingDisk : public FailingDisk {
  protected:
    [[nodiscard]] fs::path files() const { return scratch("files"); }

    // Of a process that appends to a log and has another file open.
    fs::path checkpoint_with_files() const {
        write_text(files() / "log", "line\n");
        const std::string other = (files() / "other").string();
        Target target({"/bin/sh", "-c", "exec 3>>" + other + "; exec sleep infinity"}, files() / "log");
        wait_for_file(other);
        const CedanaRun run = dump(target, {"--stop"});
        EXPECT_EQ(run.exit_code, 0) << run.err;
        target.wait_end();
        return only_line(run.out);
    }
    // The log has grown since, and the other file is gone.
    void change_files() const {
        fs::remove_all(files());
        write_text(files() / "log", "line\nanother\n");
    }
    [[nodiscard]] Contents contents() const {
        Contents found;
        for (const std::string& name : names_in(files()))
            found.emplace(name, read_file(files() / name));
        return found;
    }
    void expect_nothing_runs(const std::string& call) const {
        const bool started = fs::exists(criu_file("child"));
        EXPECT_FALSE(started && is_running(std::stoi(read_file(criu_file("child"))))) << call;
    }
    // All is brought back, or nothing changed.
    void restore_at_each_call(const fs::path& zip);
};

void RestoreOnFailingDisk::restore_at_each_call(const fs::path& zip) {
    const std::string before = read_file(zip);
    for (int number = first_call();; number = call_after(number)) {
        change_files();
        fs::remove(criu_file("child"));
        fail_at(number);
        const CedanaRun run = restore(zip);
        const std::string call = failed_call();
        expect_told(run, call);
        if (run.exit_code == 0) {
            const Orphan restored(std::stoi(run.out));
            EXPECT_EQ(contents()["log"], "line\n") << call;
            EXPECT_EQ(contents()["other"], "") << call;
            EXPECT_EQ(contents().size(), 3U) << call;
        } else {
            expect_nothing_runs(call);
            EXPECT_TRUE(contents() == (Contents{{"log", "line\nanother\n"}}) || removes(call)) << call << run.err;
        }
        EXPECT_TRUE(read_file(zip) == before) << call;
        if (!call.empty())
            continue;
        EXPECT_EQ(run.exit_code, 0) << run.err;
        EXPECT_GT(number, 20);
        break;
    }
}

TEST_P(RestoreOnFailingDisk, BringsAllBackOrChangesNothing) { restore_at_each_call(checkpoint_with_files()); }

class RestoreOnDiskWithoutLinks : public RestoreOnFailingDisk {};

TEST_P(RestoreOnDiskWithoutLinks, BringsAllBackOrChangesNothing) {
    const fs::path zip = checkpoint_with_files();
    options.environment["FAILING_LACKS"] = "links";
    restore_at_each_call(zip);
}

constexpr std::array<Failing, 3> k_failing = {{{EIO, "once", 1, 3}, {ENOSPC, "on", 2, 3}, {EIO, "done", 3, 3}}};

std::string name_of(const ::testing::TestParamInfo<Failing>& info) {
    const std::string how = info.param.how;
    return how == "once" ? "FailsOnce" : how == "on" ? "GetsFull" : "LosesAnAnswer";
}

INSTANTIATE_TEST_SUITE_P(Disk, DumpOnFailingDisk, ::testing::ValuesIn(k_failing), name_of);
INSTANTIATE_TEST_SUITE_P(Disk, DumpAmongUnreadableFolders, ::testing::Values(Failing{EIO, "once", 1, 1}), name_of);
INSTANTIATE_TEST_SUITE_P(Disk, RestoreOnFailingDisk, ::testing::ValuesIn(k_failing), name_of);
INSTANTIATE_TEST_SUITE_P(Disk, RestoreOnDiskWithoutLinks, ::testing::Values(Failing{EIO, "done", 1, 2}), name_of);

} // namespace
} // namespace cedana::testing
