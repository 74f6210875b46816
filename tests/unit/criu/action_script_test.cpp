// SPDX-License-Identifier: Apache-2.0
// The script is run as CRIU runs it.
#include "cedana/base/child_process.hpp"
#include "cedana/base/files.hpp"
#include "cedana/criu/action_script.hpp"

#include <optional>
#include <string>

#include <gtest/gtest.h>

#include <poll.h>

namespace cedana::criu {
namespace {

class ActionScript : public ::testing::Test {
  protected:
    void start(const std::string& stage) {
        child.emplace(ChildProcess::spawn(
            {.argv = {server.script().string()},
             .env = std::vector<std::string>{"CRTOOLS_SCRIPT_ACTION=" + stage, "CRTOOLS_INIT_PID=4711",
                                             std::string(k_action_socket) + "=" + server.socket().string()}}));
    }
    void await_question() {
        root.reset();
        while (!root)
            loop.run_once();
    }

    TempDir folder = TempDir(std::filesystem::temp_directory_path(), "action-test");
    EventLoop loop;
    std::string reached;
    std::optional<pid_t> root;
    ActionServer server = ActionServer(loop, folder.path(), [this](const std::string& stage, pid_t pid) {
        reached = stage;
        root = pid;
    });
    std::optional<ChildProcess> child;
};

TEST_F(ActionScript, AsksBeforeTheTreeRunsAndTellsItsRoot) {
    start(k_stage_pre_resume);
    await_question();
    EXPECT_EQ(reached, "pre-resume");
    EXPECT_EQ(root, 4711);
    EXPECT_TRUE(server.allow());
    EXPECT_EQ(child->wait().code(), 0);
}

TEST_F(ActionScript, AsksAtOneStageAfterTheOther) {
    for (const std::string stage : {k_stage_post_restore, k_stage_pre_resume}) {
        start(stage);
        await_question();
        EXPECT_EQ(reached, stage);
        EXPECT_TRUE(server.allow());
        EXPECT_EQ(child->wait().code(), 0);
    }
}

TEST_F(ActionScript, WaitsOnWhereItIsToldTo) {
    start(k_stage_post_dump);
    await_question();
    server.beat();
    server.beat();
    EXPECT_TRUE(server.is_awaited());
    EXPECT_TRUE(server.allow());
    EXPECT_EQ(child->wait().code(), 0);
}

TEST_F(ActionScript, FailsWhereItIsRefused) {
    start(k_stage_post_dump);
    await_question();
    server.refuse();
    EXPECT_EQ(child->wait().code(), 1);
}

TEST_F(ActionScript, FailsWhereNobodyListens) {
    server.refuse();
    start(k_stage_post_dump);
    EXPECT_EQ(child->wait().code(), 1);
}

TEST_F(ActionScript, LetsOtherStagesGoOn) {
    start("post-resume");
    EXPECT_EQ(child->wait().code(), 0);
    EXPECT_EQ(root, std::nullopt);
}

} // namespace
} // namespace cedana::criu
