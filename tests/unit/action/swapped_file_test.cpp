// SPDX-License-Identifier: Apache-2.0
// A file gets the name of a checkpoint at the moment at which that one is opened to be verified: what is done later
// must not be done to the new one. The kernel tells of the opening, and lets it go on only afterwards (fanotify(7)).
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/checkpoint/sign.hpp"
#include "cedana/files/move.hpp"
#include "cedana/keys/keygen.hpp"
#include "cedana/store/prune.hpp"

#include <cerrno>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/fanotify.h>
#include <unistd.h>

#include "support/synthetic_checkpoint.hpp"
#include "unit/temp_folder.hpp"

namespace cedana {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

class Swapped : public test::InTempFolder {
  protected:
    void SetUp() override {
        opened_.reset(::fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC, O_RDONLY | O_CLOEXEC));
        if (!opened_)
            GTEST_SKIP() << "fanotify_init: " << errno_text(errno);
    }

    static void make(const fs::path& path, std::chrono::hours age, const std::string& content) {
        testing::write_checkpoint(
            path, testing::plausible_manifest("redis", 42, utc_iso(std::chrono::system_clock::now() - age)), content);
    }

    // Runs `work`, which opens `path`, and gives the name to `other` the last time of `opens`. What is there
    // afterwards.
    std::string run_with_swap(const fs::path& path, const fs::path& other, const std::function<void()>& work,
                              int opens = 1) const {
        EXPECT_EQ(::fanotify_mark(opened_.get(), FAN_MARK_ADD, FAN_OPEN_PERM, AT_FDCWD, path.c_str()), 0);
        std::jthread worker(work);
        for (int open = 1; open < opens; ++open)
            await_open([] {});
        await_open([&] {
            fs::rename(other, path);
            EXPECT_EQ(::fanotify_mark(opened_.get(), FAN_MARK_FLUSH, 0, AT_FDCWD, nullptr), 0);
        });
        worker.join();
        return fs::exists(path) ? read_file(path) : "nothing";
    }

  private:
    // Whoever opens the file goes on once `work` was done.
    void await_open(const std::function<void()>& work) const {
        constexpr int k_limit_ms = 60'000;
        pollfd waits{.fd = opened_.get(), .events = POLLIN, .revents = 0};
        EXPECT_EQ(::poll(&waits, 1, k_limit_ms), 1);
        fanotify_event_metadata event{};
        EXPECT_EQ(::read(opened_.get(), &event, sizeof event), static_cast<ssize_t>(sizeof event));
        const UniqueFd file(event.fd);
        work();
        const fanotify_response goes_on{.fd = event.fd, .response = FAN_ALLOW};
        EXPECT_EQ(::write(opened_.get(), &goes_on, sizeof goes_on), static_cast<ssize_t>(sizeof goes_on));
    }

    UniqueFd opened_;
};

TEST_F(Swapped, IsNotSignedOver) {
    const Caller root{.uid = ::geteuid(), .gid = ::getegid(), .name = "me", .home = ""};
    Config config;
    config.security_signing_key = make_key(KeyUse::signing, path("key"), root).secret;
    config.security_strict_permissions = false;
    make(path("a.zip"), 1h, "the first");
    make(path("other"), 1h, "the second");
    const std::string second = read_file(path("other"));
    std::optional<Fault> fault;
    EXPECT_EQ(run_with_swap(path("a.zip"), path("other"),
                            [&] {
                                try {
                                    static_cast<void>(
                                        sign({.checkpoint = path("a.zip"), .config = config, .caller = root},
                                             Interrupt::none()));
                                } catch (const Error& error) {
                                    fault = error.fault();
                                }
                            }),
              second);
    EXPECT_EQ(fault, Fault::storage);
    EXPECT_FALSE(fs::exists(path("other")));
}

TEST_F(Swapped, IsNotPruned) {
    // Its end alone, and then itself.
    constexpr int k_opens_of_a_listing = 2;
    make(path("new.zip"), 1h, "new");
    make(path("old.zip"), 9h, "old");
    make(path("other"), 9h, "another");
    const std::string another = read_file(path("other"));
    PruneResult result;
    EXPECT_EQ(run_with_swap(
                  path("old.zip"), path("other"),
                  [&] { result = prune({.store = path(""), .rules = {.keep_last = 1}}, Interrupt::none()); },
                  k_opens_of_a_listing),
              another);
    ASSERT_EQ(result.surplus.size(), 1U);
    EXPECT_NE(result.surplus.front().spared, "");
    EXPECT_EQ(result.bytes_removed, 0U);
}

TEST_F(Swapped, IsNotMoved) {
    write("a.zip", "the first");
    write("other", "the second");
    fs::create_directory(path("store"));
    std::optional<Fault> fault;
    EXPECT_EQ(run_with_swap(path("a.zip"), path("other"),
                            [&] {
                                Progress progress;
                                try {
                                    static_cast<void>(
                                        move_checkpoint(path("a.zip"), path("store"), Interrupt::none(), progress));
                                } catch (const Error& error) {
                                    fault = error.fault();
                                }
                            }),
              "the second");
    EXPECT_EQ(fault, Fault::storage);
    EXPECT_TRUE(fs::is_empty(path("store")));
}

} // namespace
} // namespace cedana
