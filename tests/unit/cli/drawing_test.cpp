// SPDX-License-Identifier: Apache-2.0
#include "cedana/cli/bar.hpp"
#include "cedana/cli/inspection.hpp"
#include "cedana/cli/inspection_tables.hpp"
#include "cedana/cli/process_tree.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/synthetic_checkpoint.hpp"

namespace cedana {
namespace {

TEST(Bar, IsAnEighthOfAColumnFine) {
    EXPECT_EQ(bar(0, 8), "");
    EXPECT_EQ(bar(1, 4), "████");
    EXPECT_EQ(bar(0.5, 4), "██");
    EXPECT_EQ(bar(0.5, 1), "▌");
    EXPECT_EQ(bar(7, 2), "██");
}

TEST(Bar, IsSeenWhenThereIsSomething) {
    EXPECT_EQ(bar(1e-9, 8), "▏");
    EXPECT_EQ(bar(0.5, 0), "");
}

std::vector<std::string> drawn(const std::vector<std::pair<pid_t, pid_t>>& tree) {
    std::vector<ManifestProcess> processes;
    for (const auto& [pid, parent] : tree)
        processes.push_back(
            {.pid = pid, .parent = parent, .comm = {}, .executable = {}, .command_line = {}, .threads = {}});
    std::vector<std::string> lines;
    for (const TreeLine& line : draw_tree(processes))
        lines.push_back(line.branches + std::to_string(line.process->pid));
    return lines;
}

TEST(DrawTree, PutsChildrenBehindTheirParent) {
    EXPECT_EQ(drawn({{1, 0}, {2, 1}, {3, 1}, {4, 2}, {5, 2}, {6, 3}}),
              (std::vector<std::string>{"1", "├─ 2", "│  ├─ 4", "│  └─ 5", "└─ 3", "   └─ 6"}));
}

TEST(DrawTree, ShowsAProcessWhoseParentIsElsewhere) {
    EXPECT_EQ(drawn({{1, 0}, {2, 77}, {3, 2}}), (std::vector<std::string>{"1", "2", "└─ 3"}));
}

TEST(DrawTree, EndsOnAManifestWhoseProcessesAreEachOthersParents) {
    EXPECT_EQ(drawn({{1, 3}, {2, 2}, {3, 1}}), (std::vector<std::string>{"1", "└─ 3", "2"}));
}

TEST(CommandOf, IsEscaped) {
    const ManifestProcess process{
        .comm = {}, .executable = {}, .command_line = {"/bin/\x1b[31mevil", "a\nb"}, .threads = {}};
    EXPECT_EQ(command_of(process), "/bin/\\x1b[31mevil a\\x0ab");
}

TEST(HtmlPage, EscapesWhatComesFromTheCheckpoint) {
    Inspection inspection{.path = "/store/<b>.zip",
                          .manifest = testing::plausible_manifest("redis", 42, "2026-11-22T10:00:00Z"),
                          .images = {}};
    inspection.manifest.tree.front().command_line = {"<script>alert(1)</script>", "\"&\x1b"};
    const std::string page = html_page(inspection);
    EXPECT_EQ(page.find("<script"), std::string::npos);
    EXPECT_NE(page.find("&lt;script&gt;alert(1)&lt;/script&gt; &quot;&amp;\\x1b"), std::string::npos);
    EXPECT_NE(page.find("&lt;b&gt;.zip"), std::string::npos);
}

TEST(HtmlPage, BeginsWithTheCommandAndHowItIsRestored) {
    Inspection inspection{.path = "/store/a b.zip",
                          .manifest = testing::plausible_manifest("redis", 42, "2026-11-22T10:00:00Z"),
                          .images = {}};
    inspection.manifest.tree.front().command_line = {"redis-server", "*:6379"};
    const std::string page = html_page(inspection);
    EXPECT_LT(page.find("redis-server *:6379"), page.find("<h2>"));
    EXPECT_NE(page.find("<code>sudo cedana client restore '/store/a b.zip'</code>"), std::string::npos);
    EXPECT_NE(page.find("<code>sudo cedana client verify '/store/a b.zip'</code>"), std::string::npos);
    EXPECT_NE(page.find("<dd>by nobody</dd>"), std::string::npos);
    EXPECT_NE(page.find("may hold secrets"), std::string::npos);
    EXPECT_LT(page.find("<h2>Sockets"), page.find("<h2>Images"));
    inspection.manifest.cannot_be_restored = {"it has a thing"};
    EXPECT_EQ(html_page(inspection).find("client restore"), std::string::npos);
}

TEST(HtmlPage, OfTwoShowsWhatChanged) {
    const Inspection before{.path = "/store/a.zip",
                            .manifest = testing::plausible_manifest("redis", 42, "2026-11-22T10:00:00Z"),
                            .images = {}};
    Inspection after = before;
    after.path = "/store/<b>.zip";
    EXPECT_NE(html_page(before, after).find("the same in both"), std::string::npos);
    after.manifest.files = {{.path = "/var/log/<new>", .size = 7}};
    const std::string page = html_page(before, after);
    EXPECT_NE(page.find("/var/log/&lt;new&gt;"), std::string::npos);
    EXPECT_NE(page.find("added"), std::string::npos);
    EXPECT_NE(page.find("/store/&lt;b&gt;.zip"), std::string::npos);
}

TEST(MemoryTable, HasTheLargestFirstAndASumOfWhatIsEachOnesOwn) {
    Manifest manifest = testing::plausible_manifest("redis", 42, "2026-11-22T10:00:00Z");
    manifest.tree = {{.pid = 1,
                      .comm = "small",
                      .executable = {},
                      .command_line = {},
                      .threads = {},
                      .memory = ProcessMemory{.anonymous = 1024, .shared = 4096}},
                     {.pid = 2,
                      .comm = "large",
                      .executable = {},
                      .command_line = {},
                      .threads = {},
                      .memory = ProcessMemory{.anonymous = 3072, .shared = 4096, .swapped = 1024}}};
    const Table table = memory_table(manifest);
    ASSERT_EQ(table.rows().size(), 3U);
    EXPECT_EQ(table.rows()[0][1].text, "large");
    EXPECT_EQ(table.rows()[1][1].text, "small");
    EXPECT_EQ(table.rows()[2][0].text, "all");
    EXPECT_EQ(table.rows()[2][2].text, "4.0 KiB");
    EXPECT_EQ(table.rows()[2][3].text, "");
    EXPECT_EQ(table.rows()[2][5].text, "1.0 KiB");
    manifest.tree.resize(1);
    EXPECT_EQ(memory_table(manifest).rows().size(), 1U);
}

TEST(HtmlPage, NeedsNothingFromElsewhere) {
    const Inspection inspection{.path = "/store/a.zip",
                                .manifest = testing::plausible_manifest("redis", 42, "2026-11-22T10:00:00Z"),
                                .images = {}};
    const std::string page = html_page(inspection);
    for (const char* reference : {"src=", "href=", "url(", "@import", "http"})
        EXPECT_EQ(page.find(reference), std::string::npos) << reference;
}

} // namespace
} // namespace cedana
