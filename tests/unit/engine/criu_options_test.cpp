// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/units.hpp"
#include "cedana/engine/criu_options.hpp"

#include <functional>

#include <gtest/gtest.h>

namespace cedana {
namespace {

struct Row {
    const char* name;
    std::function<void(TreeFacts&)> fact;
    std::function<void(CriuOptions&)> option;
};

class CriuOption : public ::testing::TestWithParam<Row> {};

INSTANTIATE_TEST_SUITE_P(
    Table, CriuOption,
    ::testing::Values(Row{"Nothing", [](TreeFacts&) {}, [](CriuOptions&) {}},
                      Row{"ShellJob", [](TreeFacts& facts) { facts.shell_job = true; },
                          [](CriuOptions& options) { options.shell_job = true; }},
                      Row{"TcpConnection", [](TreeFacts& facts) { facts.tcp_established = true; },
                          [](CriuOptions& options) { options.tcp_established = true; }},
                      Row{"UnixSocket", [](TreeFacts& facts) { facts.external_unix_sockets = Answer::yes; },
                          [](CriuOptions& options) { options.external_unix_sockets = true; }},
                      Row{"UnixSocketPerhaps", [](TreeFacts& facts) { facts.external_unix_sockets = Answer::unknown; },
                          [](CriuOptions& options) { options.external_unix_sockets = true; }},
                      Row{"FileLock", [](TreeFacts& facts) { facts.file_locks = true; },
                          [](CriuOptions& options) { options.file_locks = true; }},
                      Row{"RemovedName", [](TreeFacts& facts) { facts.renamed_files = {{.path = "/gone"}}; },
                          [](CriuOptions& options) { options.link_remap = true; }},
                      // What kinds of files those are is not known.
                      Row{"InFlight", [](TreeFacts& facts) { facts.in_flight = true; },
                          [](CriuOptions& options) {
                              options.link_remap = true;
                              options.ghost_limit = k_largest_ghost;
                          }},
                      // With room for what it grows by until the tree is frozen.
                      Row{"DeletedFile", [](TreeFacts& facts) { facts.ghost_bytes = 5 * k_mib; },
                          [](CriuOptions& options) { options.ghost_limit = 21 * k_mib; }}),
    [](const auto& instance) { return std::string(instance.param.name); });

TEST_P(CriuOption, FollowsFromItsFactAlone) {
    TreeFacts facts;
    GetParam().fact(facts);
    CriuOptions expected;
    GetParam().option(expected);
    EXPECT_EQ(choose_criu_options(facts, {}), expected);
}

TEST(CriuOptions, AreExplainedOneByOne) {
    TreeFacts facts;
    facts.file_locks = true;
    facts.shell_job = true;
    facts.external_terminals = {{.path = "/dev/pts/3", .descriptors = {}}};
    const auto chosen = explain(choose_criu_options(facts, {"--tcp-close"}), facts);
    ASSERT_EQ(chosen.size(), 3U);
    EXPECT_EQ(chosen[0].option, "--shell-job");
    EXPECT_EQ(chosen[0].reason, "the terminal /dev/pts/3 belongs to somebody outside the tree");
    EXPECT_EQ(chosen[1].option, "--file-locks");
    EXPECT_EQ(chosen[2].option, "--tcp-close");
}

TEST(CriuOptions, ThatNobodyNeedsAreNotExplained) { EXPECT_TRUE(explain(choose_criu_options({}, {}), {}).empty()); }

TEST(CriuOptions, HoldWhatTheUserAdds) {
    EXPECT_EQ(choose_criu_options({}, {"--ext-mount-map", "auto"}),
              (CriuOptions{.network_lock = {}, .extra = {"--ext-mount-map", "auto"}}));
}

} // namespace
} // namespace cedana
