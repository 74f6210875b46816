// SPDX-License-Identifier: Apache-2.0
// Streams to systemd's journal, by a journal of the test's own.
#include "cedana/base/child_process.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/unix_socket.hpp"
#include "cedana/model/external_ends.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/tmpfs.hpp"
#include "support/wait.hpp"
#include "system/step_log.hpp"
#include "system/system_fixture.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;

// What comes by a stream until there are so many lines.
std::string read_lines(const UniqueFd& stream, std::ptrdiff_t count) {
    std::string text;
    while (std::ranges::count(text, '\n') < count) {
        std::array<char, 256> part{};
        pollfd waiting{.fd = stream.get(), .events = POLLIN, .revents = 0};
        const int limit = static_cast<int>(std::chrono::milliseconds(k_wait_limit).count());
        const ssize_t bytes = ::poll(&waiting, 1, limit) == 1 ? ::read(stream.get(), part.data(), part.size()) : 0;
        if (bytes <= 0)
            throw Error(Fault::internal, "nothing more came after: " + text);
        text.append(part.data(), static_cast<std::size_t>(bytes));
    }
    return text;
}

class Journal : public System {
  protected:
    void SetUp() override {
        System::SetUp();
        if (IsSkipped())
            return;
        const fs::path place = fs::path(k_journal_socket).parent_path();
        had_place_ = fs::exists(place);
        if (!place_.emplace().mount(place, 1 << 20))
            GTEST_SKIP() << "this process may not mount";
        listener_ = listen_unix(k_journal_socket);
    }
    void TearDown() override {
        place_.reset();
        std::error_code ignored;
        if (!had_place_)
            fs::remove(fs::path(k_journal_socket).parent_path(), ignored);
        System::TearDown();
    }

    // As systemd starts it: its output and errors are one stream.
    ChildProcess start() {
        const UniqueFd stream = connect_unix(k_journal_socket);
        ::shutdown(stream.get(), SHUT_RD);
        log = accepted();
        return ChildProcess::spawn(
            {.argv = {"/bin/bash", "-c",
                      "cd " + folder().string() +
                          "; echo one; until [ -e go ]; do sleep 0.02; done; echo two; sleep infinity"},
             .fds = {{stream.get(), 1}, {stream.get(), 2}},
             .cwd = "/",
             .session = Session::own});
    }
    // The journal's end of the next stream.
    [[nodiscard]] UniqueFd accepted() const {
        return UniqueFd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    }
    void let_write_on() const { std::ofstream(folder() / "go") << "go"; }
    void end_journal() {
        listener_ = UniqueFd();
        fs::remove(k_journal_socket);
    }

    UniqueFd log;

  private:
    bool had_place_ = true;
    std::optional<Tmpfs> place_;
    UniqueFd listener_;
};

TEST_F(Journal, GoesOnWithAProgramThatRunsOn) {
    ChildProcess child = start();
    EXPECT_EQ(read_lines(log, 1), "one\n");
    const CedanaRun run = dump(child.pid());
    EXPECT_EQ(run.exit_code, 0) << run.err;
    let_write_on();
    EXPECT_EQ(read_lines(log, 1), "two\n");
}

TEST_F(Journal, HasAStreamOfARestoredProgramAsOfOneThatSystemdStarted) {
    ChildProcess child = start();
    EXPECT_EQ(read_lines(log, 1), "one\n");
    const pid_t pid = child.pid();
    const fs::path zip = dump_and_stop(child);
    restore_as(pid, zip);
    log = accepted();
    const std::string head = read_lines(log, 7);
    EXPECT_TRUE(head.starts_with("bash\n")) << head;
    EXPECT_TRUE(head.ends_with("\n6\n1\n0\n0\n0\n")) << head;
    let_write_on();
    EXPECT_EQ(read_lines(log, 1), "two\n");
}

TEST_F(Journal, ThatIsNotThereIsReplacedByAFile) {
    ChildProcess child = start();
    EXPECT_EQ(read_lines(log, 1), "one\n");
    const fs::path zip = dump_and_stop(child);
    end_journal();
    const CedanaRun run = restore(zip);
    ASSERT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(holds(run.err, "there is no journal of systemd here"));
    let_write_on();
    wait_for_text(fs::path("/var/log/cedana") / zip.filename().replace_extension(".out"), "two\n");
}

TEST_F(Journal, GivesWayToAFileThatIsNamed) {
    ChildProcess child = start();
    EXPECT_EQ(read_lines(log, 1), "one\n");
    const fs::path zip = dump_and_stop(child);
    const CedanaRun run = run_cedana({"client", "restore", zip, "--stdio", scratch("output")}, options);
    ASSERT_EQ(run.exit_code, 0) << run.err;
    let_write_on();
    wait_for_text(scratch("output"), "two\n");
}

} // namespace
} // namespace cedana::testing
