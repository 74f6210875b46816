// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/job/lease.hpp"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <thread>

#include <gtest/gtest.h>

#include "unit/job/own_folder.hpp"

namespace cedana::job {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

const HostMark k_here{.name = "here", .boot = "b1", .pid_namespace = 1};
const HostMark k_there{.name = "there", .boot = "b2", .pid_namespace = 1};

LeaseWord word(const HostMark& host) {
    return {.host = host,
            .supervisor = {.pid = 10, .start_time = 1},
            .init = {.pid = 20, .start_time = 2},
            .lasts_ms = 60'000};
}

bool nobody(const ProcessMark&) { return false; }
bool everybody(const ProcessMark&) { return true; }
bool init_alone(const ProcessMark& mark) { return mark.pid == 20; }

TEST(LeaseLook, OfOneThatWasReleasedIsFree) {
    LeaseWord released = word(k_there);
    released.released = true;
    EXPECT_EQ(look_at(released, k_here, everybody), LeaseLook::free);
}

TEST(LeaseLook, OfThisHostSeesWhoLives) {
    EXPECT_EQ(look_at(word(k_here), k_here, everybody), LeaseLook::held);
    EXPECT_EQ(look_at(word(k_here), k_here, init_alone), LeaseLook::orphaned);
    EXPECT_EQ(look_at(word(k_here), k_here, nobody), LeaseLook::free);
}

TEST(LeaseLook, OfAnotherHostOrPidNamespaceSeesNothing) {
    HostMark container = k_here;
    container.pid_namespace = 2;
    EXPECT_EQ(look_at(word(k_there), k_here, nobody), LeaseLook::unseen);
    EXPECT_EQ(look_at(word(container), k_here, nobody), LeaseLook::unseen);
    HostMark clone = k_here;
    clone.name = "clone";
    EXPECT_EQ(look_at(word(clone), k_here, nobody), LeaseLook::unseen);
}

TEST(LeaseLook, OfOneThatDoesNotLastIsFreeElsewhere) {
    LeaseWord own_store = word(k_there);
    own_store.lasts_ms = 0;
    EXPECT_EQ(look_at(own_store, k_here, nobody), LeaseLook::free);
}

TEST(LeaseText, IsReadAsItWasWritten) {
    EXPECT_EQ(parse_lease(to_text(word(k_here))), word(k_here));
    EXPECT_EQ(parse_lease("{}"), std::nullopt);
    EXPECT_EQ(parse_lease("half a li"), std::nullopt);
}

void write_file_over(const fs::path& file, std::string_view text) { std::ofstream(file, std::ios::trunc) << text; }

class LeaseFolder : public ::testing::Test {
  protected:
    Lease take(std::chrono::milliseconds lasts = 60s) const {
        return Lease::take(folder.path(), lasts, Interrupt::none(), [](const LeaseWord&, std::chrono::milliseconds) {});
    }
    void write(int epoch, const LeaseWord& content) const {
        replace_file(folder.path() / ("lease.000" + std::to_string(epoch)), to_text(content));
    }
    testing::OwnFolder folder;
};

TEST_F(LeaseFolder, GivesTheFirstNumberAndThenTheNext) {
    Lease first = take();
    EXPECT_EQ(first.epoch(), 1);
    first.release();
    EXPECT_EQ(take().epoch(), 2);
    EXPECT_FALSE(first.is_held());
    EXPECT_FALSE(fs::exists(folder.path() / "lease.0001"));
}

TEST_F(LeaseFolder, RefusesOneThatIsHeldHere) {
    const Lease first = take();
    EXPECT_THROW(static_cast<void>(take()), HeldElsewhere);
}

TEST_F(LeaseFolder, GivesOneOfADeadSupervisorAtOnce) {
    LeaseWord dead = word(own_host());
    dead.supervisor = {.pid = 1, .start_time = 4711};
    dead.init = {};
    write(3, dead);
    EXPECT_EQ(take().epoch(), 4);
}

TEST_F(LeaseFolder, GivesOneOfAnotherHostOnceItDoesNotChange) {
    LeaseWord silent = word(k_there);
    silent.lasts_ms = 200;
    write(3, silent);
    bool waited = false;
    const Lease lease = Lease::take(folder.path(), 60s, Interrupt::none(),
                                    [&](const LeaseWord&, std::chrono::milliseconds) { waited = true; });
    EXPECT_EQ(lease.epoch(), 4);
    EXPECT_TRUE(waited);
}

TEST_F(LeaseFolder, RefusesOneOfAnotherHostThatIsRenewed) {
    LeaseWord alive = word(k_there);
    alive.lasts_ms = 10'000;
    write(3, alive);
    EXPECT_THROW(static_cast<void>(Lease::take(folder.path(), 60s, Interrupt::none(),
                                               [&](const LeaseWord&, std::chrono::milliseconds) {
                                                   ++alive.count;
                                                   write(3, alive);
                                               })),
                 HeldElsewhere);
}

TEST_F(LeaseFolder, IsLostToAHigherNumber) {
    Lease lease = take();
    EXPECT_TRUE(lease.renew());
    write(2, word(k_there));
    EXPECT_FALSE(lease.renew());
    EXPECT_FALSE(lease.is_held());
}

TEST_F(LeaseFolder, IsTakenAnewWhereItsFileWasRemoved) {
    Lease lease = take();
    fs::remove(folder.path() / "lease.0001");
    EXPECT_FALSE(lease.is_held());
    EXPECT_FALSE(lease.is_lost());
    EXPECT_TRUE(lease.renew());
    EXPECT_EQ(lease.epoch(), 2);
    EXPECT_TRUE(lease.is_held());
}

TEST_F(LeaseFolder, IsLostToTheSameNumberOfAnother) {
    Lease lease = take();
    write(1, word(k_there));
    EXPECT_TRUE(lease.is_lost());
    EXPECT_FALSE(lease.renew());
}

TEST_F(LeaseFolder, IsNotTakenWhileItIsWrittenOver) {
    const Lease lease = take();
    const fs::path file = folder.path() / "lease.0001";
    const std::string whole = read_file(file);
    write_file_over(file, whole.substr(0, 20));
    std::jthread writer([&] {
        std::this_thread::sleep_for(100ms);
        write_file_over(file, whole);
    });
    EXPECT_THROW(static_cast<void>(take()), HeldElsewhere);
}

TEST_F(LeaseFolder, IsTakenAnewAfterAGap) {
    Lease lease = take(1ms);
    while (std::chrono::steady_clock::now() - lease.renewed() < 1ms) {}
    EXPECT_TRUE(lease.renew());
    EXPECT_EQ(lease.epoch(), 2);
}

TEST_F(LeaseFolder, LeavesNoFileBesideTheLease) {
    const Lease lease = take();
    std::error_code error;
    EXPECT_EQ(entries_of(folder.path(), error), std::vector<fs::path>{folder.path() / "lease.0001"});
}

} // namespace
} // namespace cedana::job
