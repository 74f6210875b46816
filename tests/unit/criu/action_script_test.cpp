// SPDX-License-Identifier: Apache-2.0
// The script is run as CRIU runs it.
#include "cedana/base/child_process.hpp"
#include "cedana/base/files.hpp"
#include "cedana/criu/action_script.hpp"
#include "cedana/criu/rpc.hpp"
#include "cedana/criu/stage_answers.hpp"

#include <optional>
#include <string>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

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

// It is told of stages as CRIU tells.
class AnsweredStages : public ActionScript {
  protected:
    void SetUp() override {
        criu = UniqueFd(::fcntl(answers.end_of_criu(), F_DUPFD_CLOEXEC, 0));
        answers.start(server, {std::string(k_action_socket) + "=" + server.socket().string()});
    }
    void tell(const std::string& message) const {
        EXPECT_EQ(::send(criu.get(), message.data(), message.size(), 0), static_cast<ssize_t>(message.size()));
    }
    // Empty: it has ended.
    [[nodiscard]] std::string hear() const {
        std::string message(256, '\0');
        const ssize_t count = ::recv(criu.get(), message.data(), message.size(), 0);
        message.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
        return message;
    }

    StageAnswers answers = StageAnswers("what is asked for");
    UniqueFd criu;
};

TEST_F(AnsweredStages, AsksForCriuFirst) { EXPECT_EQ(hear(), "what is asked for"); }

TEST_F(AnsweredStages, AsksAtPostDumpAndTellsTheAnswer) {
    static_cast<void>(hear());
    tell(stage_message(k_stage_post_dump, 42));
    await_question();
    EXPECT_EQ(reached, k_stage_post_dump);
    server.beat();
    EXPECT_TRUE(server.allow());
    EXPECT_TRUE(parse_stage_answer(hear()));
}

TEST_F(AnsweredStages, TellsCriuOfARefusal) {
    static_cast<void>(hear());
    tell(stage_message(k_stage_post_dump, 42));
    await_question();
    server.refuse();
    EXPECT_FALSE(parse_stage_answer(hear()));
    server.refuse();
    // Nobody listens any more.
    tell(stage_message(k_stage_post_dump, 42));
    EXPECT_FALSE(parse_stage_answer(hear()));
}

TEST_F(AnsweredStages, LetsOtherStagesGoOn) {
    static_cast<void>(hear());
    for (const char* const stage : {k_stage_pre_dump, "query-ext-files", "network-lock"}) {
        tell(stage_message(stage, 42));
        EXPECT_TRUE(parse_stage_answer(hear()));
    }
    EXPECT_EQ(root, std::nullopt);
}

TEST_F(AnsweredStages, EndsAtTheLastWordOfCriu) {
    static_cast<void>(hear());
    tell(dumped_message());
    EXPECT_EQ(hear(), "");
}

TEST_F(AnsweredStages, SaysNoToWhatItCannotRead) {
    static_cast<void>(hear());
    // {notify: of 100 bytes}, which are not there.
    tell("\x2A\x64");
    EXPECT_EQ(hear(), "");
}

} // namespace
} // namespace cedana::criu
