// SPDX-License-Identifier: Apache-2.0
#include "cedana/facts/refusal.hpp"

#include <vector>

#include <gtest/gtest.h>

#include <unistd.h>

#include "support/assertions.hpp"

namespace cedana {
namespace {

using testing::holds;

struct Place {
    pid_t pid;
    pid_t parent;
    pid_t session;
};

// The first is the root.
std::vector<pid_t> refused_of(const std::vector<Place>& places) {
    ProcessTree tree;
    for (const Place& place : places) {
        TreeProcess process{.handle = ProcessHandle::open(Procfs(), ::getpid())};
        process.stat.pid = place.pid;
        process.stat.parent = place.parent;
        process.stat.session = place.session;
        tree.processes.push_back(std::move(process));
    }
    std::vector<pid_t> pids;
    for (const Refusal& refusal : refused_sessions(tree)) {
        EXPECT_TRUE(holds(refusal.sentence, "session")) << refusal.sentence;
        pids.push_back(refusal.pid);
    }
    return pids;
}

using Pids = std::vector<pid_t>;

TEST(RefusedSessions, AreNoneThatAProcessInheritsOrBegins) {
    EXPECT_EQ(refused_of({{10, 1, 5}, {11, 10, 5}, {12, 11, 12}, {13, 12, 12}}), Pids{});
}

TEST(RefusedSessions, AreNoneOfAChildFromBeforeItsParentBeganOne) {
    EXPECT_EQ(refused_of({{10, 1, 10}, {11, 10, 11}, {12, 11, 10}}), Pids{});
    EXPECT_EQ(refused_of({{10, 1, 10}, {11, 10, 11}, {12, 11, 12}, {13, 12, 10}}), Pids{});
}

TEST(RefusedSessions, AreNoneOfWhatTheRootHasAdopted) {
    EXPECT_EQ(refused_of({{10, 1, 10}, {13, 10, 11}}), Pids{}) << "its leader has ended";
    EXPECT_EQ(refused_of({{10, 1, 10}, {11, 10, 11}, {12, 11, 12}, {13, 10, 12}}), Pids{}) << "its leader is elsewhere";
}

TEST(RefusedSessions, AreThoseOfWhatAnotherHasAdopted) {
    EXPECT_EQ(refused_of({{10, 1, 10}, {11, 10, 10}, {13, 11, 12}}), Pids{13}) << "its leader has ended";
    EXPECT_EQ(refused_of({{10, 1, 10}, {11, 10, 10}, {12, 11, 12}, {13, 11, 12}}), Pids{13}) << "its leader is beside";
}

TEST(RefusedSessions, AreTwoThatAParentWasBornIn) {
    EXPECT_EQ(refused_of({{10, 1, 10}, {11, 10, 11}, {12, 11, 12}, {13, 12, 10}, {14, 12, 11}}).size(), 1U);
}

} // namespace
} // namespace cedana
