// SPDX-License-Identifier: Apache-2.0
// A restore in which nothing moves: a store that is slow is waited for, a CRIU that takes nothing is ended.
#include "cedana/base/error.hpp"
#include "cedana/checkpoint/reader.hpp"
#include "cedana/criu/environment.hpp"
#include "cedana/criu/restore.hpp"

#include <atomic>
#include <chrono>
#include <csignal>
#include <thread>

#include <sys/eventfd.h>
#include <unistd.h>

#include "support/wait.hpp"
#include "system/step_log.hpp"
#include "system/system_fixture.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;

constexpr auto k_limit = std::chrono::seconds(1);

// Gives nothing of the pages until it has been asked for them for longer than a stalled CRIU would be given.
class SlowStore : public ImageSource {
  public:
    explicit SlowStore(ImageSource& store) : store_(store) {}
    ~SlowStore() override {
        if (timer_.joinable())
            timer_.join();
    }

    [[nodiscard]] bool exists(const std::string& name) override { return store_.exists(name); }
    int open(const std::string& name) override {
        const int stream = store_.open(name);
        if (name.starts_with("pages-") && !timer_.joinable()) {
            held_ = stream;
            timer_ = std::thread([this] {
                std::this_thread::sleep_for(3 * k_limit);
                held_ = -1;
                ::eventfd_write(store_.data_ready(), 1);
            });
        }
        return stream;
    }
    [[nodiscard]] std::span<const std::byte> ready(int stream) override {
        if (stream == held_)
            return {};
        return store_.ready(stream);
    }
    void passed(int stream, std::size_t count) override { store_.passed(stream, count); }
    void released(int stream, std::size_t count) override { store_.released(stream, count); }
    [[nodiscard]] bool at_end(int stream) override { return stream != held_ && store_.at_end(stream); }
    void close(int stream) override { store_.close(stream); }
    [[nodiscard]] int data_ready() const override { return store_.data_ready(); }
    [[nodiscard]] bool held() const { return timer_.joinable(); }

  private:
    ImageSource& store_;
    std::atomic<int> held_ = -1;
    std::thread timer_;
};

class Stalled : public System {
  protected:
    void SetUp() override {
        System::SetUp();
        wait_for_more_lines(log, k_few_steps);
        zip = dump_and_stop(target);
        fs::create_directory(work);
    }
    [[nodiscard]] criu::RestoreJob job(const std::string& program) const {
        return {.program = program,
                .options = Checkpoint(zip, Keyring()).manifest().criu_options,
                .folder = work,
                .stall_limit = k_limit};
    }

    const fs::path log = scratch("count");
    const fs::path work = scratch("work");
    fs::path zip;
    Target target{{target_program("counter"), log, "16"}};
};

TEST_F(Stalled, StoreIsWaitedFor) {
    const Checkpoint checkpoint(zip, Keyring());
    CheckpointImages images(checkpoint, Config());
    SlowStore slow(images);
    const criu::RestoreReport report = criu::restore(job(criu::find_program("criu")), {}, slow, Interrupt::none());
    ASSERT_TRUE(report.status.success());
    EXPECT_TRUE(slow.held());
    EXPECT_EQ(report.pid, target.pid());
    EXPECT_TRUE(count_on_from(1, wait_for_more_lines(log, k_few_steps)));
}

void stop_descendants(pid_t of) {
    for (const pid_t child : children_of(of)) {
        ::kill(child, SIGSTOP);
        stop_descendants(child);
    }
}

// Stops CRIU, with the tasks that it has begun to restore, as soon as it asks for the pages.
class StoppingCriu : public CheckpointImages {
  public:
    explicit StoppingCriu(const Checkpoint& checkpoint) : CheckpointImages(checkpoint, Config()) {}
    int open(const std::string& name) override {
        if (name.starts_with("pages-"))
            stop_descendants(::getpid());
        return CheckpointImages::open(name);
    }
};

TEST_F(Stalled, CriuIsEndedAndNothingOfItRuns) {
    const Checkpoint checkpoint(zip, Keyring());
    StoppingCriu images(checkpoint);
    try {
        static_cast<void>(criu::restore(job(criu::find_program("criu")), {}, images, Interrupt::none()));
        FAIL() << "the restore went on";
    } catch (const Error& error) {
        EXPECT_EQ(error.fault(), Fault::restore_failed);
        EXPECT_NE(error.message().find("criu has taken nothing for 1 s"), std::string::npos) << error.message();
    }
    EXPECT_TRUE(own_children().empty());
}

// Behind the script CRIU hears of no task's end any more.
TEST_F(Stalled, CriuThatWaitsForATreeWithoutItsRootIsEnded) {
    write_script(scratch("kill"),
                 "#!/bin/sh\n[ \"$CRTOOLS_SCRIPT_ACTION\" != post-restore ] || kill -9 $CRTOOLS_INIT_PID\n");
    const CedanaRun run = run_cedana(
        {"client", "restore", zip.string(), "--criu-arg=--action-script=" + scratch("kill").string()}, options);
    EXPECT_EQ(run.exit_code, 7) << run.err;
}

} // namespace
} // namespace cedana::testing
