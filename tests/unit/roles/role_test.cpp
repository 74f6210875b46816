// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/child_process.hpp"
#include "cedana/base/files.hpp"
#include "cedana/roles/plans.hpp"
#include "cedana/roles/role.hpp"

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <unistd.h>

#include "unit/temp_folder.hpp"

namespace cedana::roles {
namespace {

using Json = nlohmann::json;

constexpr int k_seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
constexpr auto k_limit = std::chrono::seconds(60);

template <class Plan>
Plan there_and_back(const Plan& plan) {
    return Json::from_cbor(Json::to_cbor(Json(plan))).template get<Plan>();
}

const CommandPlan k_command{.argv = {"criu", "restore"}, .fds = {{4, 1}, {5, 10}}, .cwd = "/run/a b"};

TEST(Plan, IsReadAsItWasWritten) {
    const GuardPlan guard{.criu = k_command, .log = "/run/restore.log", .held = 6};
    EXPECT_EQ(there_and_back(guard), guard);
    const CopierPlan copier{.copies = {{4, 5}, {6, 7}}, .feeds = {{8, 9}}, .asked = 10};
    EXPECT_EQ(there_and_back(copier), copier);
    const TerminalPlan terminal{.criu = k_command,
                                .log = "/run/restore.log",
                                .held = 6,
                                .copies = {{7, 8}},
                                .feeds = {{9, 10}},
                                .master = 11,
                                .output = 12,
                                .outcome = 13,
                                .tree = 14,
                                .pid_file = "/run/root.pid"};
    EXPECT_EQ(there_and_back(terminal), terminal);
    const NamespacePlan pidns{.criu = k_command, .held = 6, .outcome = 7, .stops = 9, .pid_file = "/run/root.pid"};
    EXPECT_EQ(there_and_back(pidns), pidns);
    const InitPlan init{.criu = k_command, .held = 6, .outcome = 7, .seen = 8, .stops = 9, .pid_file = "/run/root.pid"};
    EXPECT_EQ(there_and_back(init), init);
}

// A path may hold any bytes.
TEST(Plan, HoldsWhatIsNoUtf8) {
    const GuardPlan plan{.criu = {.argv = {"/tmp/\xff\xfe"}}, .log = "\x80"};
    EXPECT_EQ(there_and_back(plan), plan);
}

TEST(PassedDescriptors, GetNumbersAboveThatOfThePlanAndOfTheOthers) {
    const UniqueFd null = open_file("/dev/null", O_RDWR);
    SpawnRequest request{.argv = {}, .fds = {{null.get(), 2}}};
    EXPECT_EQ(pass(request, null), 4);
    EXPECT_EQ(pass(request, null), 5);
    EXPECT_EQ(pass(request, -1), -1);
    EXPECT_EQ(request.fds, (std::vector<std::pair<int, int>>{{null.get(), 2}, {null.get(), 4}, {null.get(), 5}}));
}

class TakenRole : public test::InTempFolder {
  protected:
    void take(SpawnRequest request = {.argv = {}}) {
        Pipe pipe = make_pipe();
        Json plan{{"say", "hello"}};
        to = pass(request, pipe.write_end);
        plan["to"] = to;
        ChildProcess child = start_role("report", plan, std::move(request));
        pipe.write_end.reset();
        found = Json::parse(read_all(pipe.read_end.get(), "a pipe", 65536));
        EXPECT_EQ(child.wait().code(), 7);
    }
    int to = -1;
    Json found;
};

TEST_F(TakenRole, IsToldItsPlan) {
    take();
    EXPECT_EQ(found.at("say"), "hello");
}

TEST_F(TakenRole, IsCalledAfterItself) {
    take();
    EXPECT_EQ(found.at("comm"), "cedana-report\n");
    EXPECT_EQ(process_name("report"), "cedana-report");
}

TEST_F(TakenRole, IsInNoFolderThatCouldBeInUse) {
    take();
    EXPECT_EQ(found.at("cwd"), "/");
}

// Not even what the one who starts it has left open for others.
TEST_F(TakenRole, HasNothingOpenButWhatItWasPassedAndHandsThatToNobody) {
    const UniqueFd leak(::dup(STDERR_FILENO));
    const UniqueFd passed = open_file("/dev/null", O_RDWR);
    SpawnRequest request{.argv = {}};
    const int number = pass(request, passed);
    take(std::move(request));
    EXPECT_EQ(found.at("open"), (Json{{number, true}, {to, true}}));
}

TEST_F(TakenRole, HasNoStandardDescriptorsButItsLog) {
    take();
    EXPECT_EQ(found.at("standard"), (Json{"/dev/null", "/dev/null", "/dev/null"}));
    const UniqueFd log = open_file(path("log"), O_WRONLY | O_CREAT, 0600);
    take({.argv = {}, .fds = {{log.get(), 2}}});
    EXPECT_EQ(found.at("standard"), (Json{"/dev/null", "/dev/null", path("log").string()}));
    EXPECT_EQ(read_file(path("log")), "log of hello\n");
}

TEST_F(TakenRole, IgnoresItsSignalsAndNoOthersAndAdoptsOrphans) {
    take();
    EXPECT_EQ(found.at("ignored"), (Json{true, false}));
    EXPECT_EQ(found.at("adopts"), true);
}

TEST_F(TakenRole, HasAnEnvironmentWithNothingOfTheCallers) {
    const RoleCommand command = role_command("report", {}, {.argv = {}});
    ASSERT_TRUE(command.request.env);
    for (const std::string& one : *command.request.env)
        EXPECT_TRUE(one.starts_with("PATH=") || one.starts_with("HOME=") || one.starts_with("LANG=")) << one;
}

// A plan that was made by hand.
class RefusedPlan : public test::InTempFolder {
  protected:
    static UniqueFd memfd(const Json& content, int seals) {
        UniqueFd file(::memfd_create("plan", MFD_CLOEXEC | MFD_ALLOW_SEALING));
        const auto bytes = Json::to_cbor(content);
        write_all(file.get(), std::as_bytes(std::span(bytes)), "a memfd");
        EXPECT_EQ(::fcntl(file.get(), F_ADD_SEALS, seals), 0);
        return file;
    }
    static Json envelope(const std::string& role) {
        return {{"role", role}, {"passed", Json::array()}, {"plan", {{"say", "hello"}, {"to", 4}}}};
    }
    static Captured run(const UniqueFd& plan, std::vector<std::string> arguments = {"--role", "report"},
                        std::optional<std::vector<std::string>> environment = std::nullopt) {
        SpawnRequest request{.argv = {"/proc/self/exe"}, .env = std::move(environment)};
        if (plan)
            request.fds.emplace_back(plan.get(), k_plan);
        request.argv.insert(request.argv.end(), arguments.begin(), arguments.end());
        return run_captured(std::move(request), k_limit);
    }
    static void expect_refused(const Captured& run, const std::string& why) {
        EXPECT_EQ(run.status.code(), 2) << run.err;
        EXPECT_NE(run.err.find(why), std::string::npos) << run.err;
    }
};

TEST_F(RefusedPlan, ThatIsNotThere) {
    expect_refused(run(UniqueFd()), "there is no plan for the role report at descriptor 3");
}

TEST_F(RefusedPlan, ThatSomebodyCouldChange) {
    expect_refused(run(memfd(envelope("report"), 0)), "descriptor 3 is no sealed plan for the role report");
    for (const int missing : {F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE})
        expect_refused(run(memfd(envelope("report"), k_seals & ~missing)), "descriptor 3 is no sealed plan");
}

TEST_F(RefusedPlan, ThatIsAFile) {
    const auto bytes = Json::to_cbor(envelope("report"));
    write("plan", std::string(bytes.begin(), bytes.end()));
    expect_refused(run(open_file(path("plan"), O_RDONLY)), "descriptor 3 is no sealed plan");
}

TEST_F(RefusedPlan, OfAnotherUser) {
    if (::geteuid() != 0)
        GTEST_SKIP() << "needs root";
    ::setfsuid(65534);
    const UniqueFd plan = memfd(envelope("report"), k_seals);
    ::setfsuid(0);
    expect_refused(run(plan), "the plan for the role report was made by user 65534");
}

TEST_F(RefusedPlan, OfAnotherRole) {
    expect_refused(run(memfd(envelope("guard"), k_seals)), "the plan is for another role than report");
}

TEST_F(RefusedPlan, ThatCannotBeRead) {
    expect_refused(run(memfd("nonsense", k_seals)), "the plan for the role report cannot be read");
    const Json empty{{"role", "guard"}, {"passed", {2}}, {"plan", Json::object()}};
    expect_refused(run(memfd(empty, k_seals), {"--role", "guard"}), "the plan for the role guard cannot be read");
}

TEST_F(RefusedPlan, WithADescriptorThatIsNotOpen) {
    Json plan = envelope("report");
    plan["passed"] = {2, 4};
    expect_refused(run(memfd(plan, k_seals)), "descriptor 4 of the plan is not open");
}

TEST_F(RefusedPlan, UnderSudo) {
    expect_refused(
        run(memfd(envelope("report"), k_seals), {"--role", "report"}, std::vector<std::string>{"SUDO_USER=nobody"}),
        "no role can be taken by sudo");
}

TEST_F(RefusedPlan, ForARoleThatThereIsNot) {
    const UniqueFd plan = memfd(envelope("report"), k_seals);
    expect_refused(run(plan, {"--role", "king"}), "there is no role king");
    expect_refused(run(plan, {"--role"}), "--role takes the name of a role");
    expect_refused(run(plan, {"--role", "report", "--version"}), "--role takes the name of a role");
}

TEST(OtherName, OfTheProgramRunsWhatOthersStartByIt) {
    const Captured run = run_captured({.argv = {"bash", "-c", "exec -a another \"$0\" swrk",
                                                std::filesystem::read_symlink("/proc/self/exe").string()}},
                                      k_limit);
    EXPECT_EQ(run.status.code(), 5) << run.err;
    EXPECT_EQ(run.out, "2 swrk\n");
}

} // namespace
} // namespace cedana::roles
