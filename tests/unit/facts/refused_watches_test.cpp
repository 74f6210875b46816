// SPDX-License-Identifier: Apache-2.0
#include "cedana/facts/refusal.hpp"

#include <string>

#include <gtest/gtest.h>

#include <sys/inotify.h>

#include "unit/process/forked.hpp"
#include "unit/process/look_at.hpp"

namespace cedana {
namespace {

using testing::Forked;
using testing::holds;
using testing::Look;

std::vector<Refusal> refused_with_watch_on(const std::string& path) {
    const Forked child([&] { ::inotify_add_watch(::inotify_init1(IN_CLOEXEC), path.c_str(), IN_MODIFY); });
    const Procfs procfs;
    const Look look(procfs, child.pid());
    return refused_watches(procfs, look.holdings);
}

TEST(RefusedWatches, AreNotThoseOfOrdinaryFolders) {
    EXPECT_TRUE(refused_with_watch_on("/").empty());
    EXPECT_TRUE(refused_with_watch_on("/dev").empty());
}

TEST(RefusedWatches, AreThoseInProcAndSys) {
    for (const std::string path : {"/proc", "/sys"}) {
        const auto refusals = refused_with_watch_on(path);
        ASSERT_EQ(refusals.size(), 1U) << path;
        EXPECT_TRUE(holds(refusals[0].sentence, "watches a file below " + path + " (descriptor ")) << path;
        EXPECT_EQ(refusals[0].passed_with, "--irmap-scan-path");
    }
}

} // namespace
} // namespace cedana
