// SPDX-License-Identifier: Apache-2.0
#include "cedana/facts/losses.hpp"
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
ProcessTree tree_of(const std::vector<Place>& places) {
    ProcessTree tree;
    for (const Place& place : places) {
        TreeProcess process{.handle = ProcessHandle::open(Procfs(), ::getpid())};
        process.stat.pid = place.pid;
        process.stat.parent = place.parent;
        process.stat.session = place.session;
        tree.processes.push_back(std::move(process));
    }
    return tree;
}

std::vector<pid_t> refused_of(const std::vector<Place>& places) {
    const ProcessTree tree = tree_of(places);
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

// They come back in their session, and not to the root.
TEST(LostChildren, AreThoseThatTheRootHasAdoptedInAnotherSession) {
    EXPECT_TRUE(find_lost_children(tree_of({{10, 1, 10}, {11, 10, 10}, {12, 10, 12}, {13, 12, 12}})).empty());
    const auto lost = find_lost_children(tree_of({{10, 1, 10}, {13, 10, 11}}));
    ASSERT_EQ(lost.size(), 1U);
    EXPECT_TRUE(holds(lost[0], "process 13")) << lost[0];
    ProcessTree container = tree_of({{10, 1, 10}, {13, 10, 11}});
    container.processes.front().status.namespace_pids = {10, 1};
    EXPECT_TRUE(find_lost_children(container).empty()) << "it is its init";
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
