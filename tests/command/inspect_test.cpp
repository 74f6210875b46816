// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/child_process.hpp"
#include "cedana/base/files.hpp"

#include <chrono>
#include <cstdlib>

#include <nlohmann/json.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include "command/command_fixture.hpp"
#include "support/synthetic_checkpoint.hpp"

namespace cedana::testing {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

class Inspect : public AnyUser {
  protected:
    Inspect() : zip(folder() / "redis_20261122T100000Z.zip") {
        Manifest manifest = plausible_manifest("redis", 42, "2026-11-22T10:00:00Z");
        manifest.tree.front().memory =
            ProcessMemory{.anonymous = 6 << 20, .file_backed = 2 << 20, .shared = 1 << 20, .swapped = 0};
        manifest.tree.push_back({.pid = 43,
                                 .parent = 42,
                                 .start_time = 4243,
                                 .comm = "worker",
                                 .executable = "/usr/bin/redis",
                                 .command_line = {"redis-worker", "--shard", "<1>"},
                                 .threads = {43, 44},
                                 .resident_bytes = 3 << 20});
        manifest.files = {{.path = "/var/log/redis.log", .size = 1000, .uses = {{.pid = 42, .fd = 3, .flags = 1}}}};
        manifest.connections = {
            {.local_address = "10.0.0.1", .local_port = 6379, .remote_address = "10.0.0.2", .remote_port = 4242}};
        manifest.criu_options.file_locks = true;
        manifest.facts = RecordedFacts{
            .processes = {{.pid = 42,
                           .group = 42,
                           .session = 42,
                           .namespaces = {"net:[4026532001]"},
                           .descriptors = {{.fd = 3,
                                            .kind = OpenKind::file,
                                            .target = "/var/log/redis.log",
                                            .flags = 02001,
                                            .position = 1000,
                                            .names = 1,
                                            .locks = {"FLOCK ADVISORY WRITE 0 EOF"}},
                                           {.fd = 4, .kind = OpenKind::socket, .target = "socket:[18]", .flags = 2}}},
                          {.pid = 43,
                           .group = 42,
                           .session = 42,
                           .terminal = "/dev/pts/3",
                           .descriptors = {{.fd = 0, .kind = OpenKind::terminal, .target = "/dev/pts/3", .flags = 2},
                                           {.fd = 5, .kind = OpenKind::socket, .target = "socket:[19]", .flags = 2}},
                           .descriptors_left_out = 7}},
            .sockets = {
                {.inode = 17, .kind = "tcp", .state = "connected", .local = "10.0.0.1:6379", .remote = "10.0.0.2:4242"},
                {.inode = 18, .kind = "unix stream", .state = "connected", .local = "/run/redis.sock", .peer = 19},
                {.inode = 19, .kind = "unix stream", .state = "connected", .peer = 18}}};
        write_checkpoint(zip, manifest);
    }
    [[nodiscard]] CedanaRun inspect(const std::vector<std::string>& more = {}) const {
        std::vector<std::string> arguments = {"client", "inspect", zip};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return cedana(arguments);
    }
    fs::path zip;
};

TEST_F(Inspect, ShowsEverySection) {
    const CedanaRun run = inspect();
    EXPECT_EQ(run.exit_code, 0) << run.err;
    for (const char* part : {"redis, pid 42: 2 processes with 3 threads", "on", "options   --file-locks",
                             "└─ redis-worker", "6.0 MiB", "/var/log/redis.log", "40 programs, libraries",
                             "10.0.0.1:6379 to 10.0.0.2:4242", "inventory.img", "stood still for at most 0.1 s"})
        EXPECT_TRUE(holds(run.out, part));
}

TEST_F(Inspect, ShowsTheSectionsThatAreAskedForAlone) {
    const CedanaRun run = inspect({"--sockets", "--tree"});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(run.out.starts_with("Tree\n"));
    EXPECT_TRUE(holds(run.out, "10.0.0.1:6379"));
    EXPECT_FALSE(holds(run.out, "inventory.img"));
}

TEST_F(Inspect, ListsEveryNeededFileWhenFilesAreAskedFor) {
    EXPECT_TRUE(holds(inspect({"--files"}).out, "/usr/lib/x86_64-linux-gnu/library-39.so.6"));
}

TEST_F(Inspect, ListsWhatIsOpenWhenFilesAreAskedFor) {
    const std::string out = inspect({"--files"}).out;
    EXPECT_TRUE(
        matches(out, "[^]*42 +3 +file +wa +1000 +/var/log/redis.log +locked \\(FLOCK ADVISORY WRITE 0 EOF\\)\n[^]*"));
    EXPECT_TRUE(matches(out, "[^]*43 +0 +terminal +rw +/dev/pts/3\n[^]*"));
    EXPECT_TRUE(holds(out, "and 7 more that were not recorded"));
}

TEST_F(Inspect, TellsWhoHoldsBothEndsOfASocket) {
    const std::string out = inspect({"--sockets"}).out;
    EXPECT_TRUE(matches(out, "[^]*unix stream +connected +/run/redis.sock +43:5 +42:4\n[^]*"));
    EXPECT_TRUE(matches(out, "[^]*unix stream +connected +42:4 +43:5\n[^]*"));
}

TEST_F(Inspect, ShowsTheTerminalAndNamespacesOfATree) {
    const std::string out = inspect({"--tree"}).out;
    EXPECT_TRUE(matches(out, "[^]*43 +2 +3.0 MiB +42 +/dev/pts/3 +└─ redis-worker[^]*"));
    EXPECT_TRUE(holds(out, "namespace of its own: net:[4026532001]"));
}

TEST_F(Inspect, OfACheckpointWithoutMemoryImagesHasEmptyMaps) {
    EXPECT_TRUE(holds(inspect({"--maps"}).out, "Memory map of 43 (worker)"));
    const Json json = Json::parse(only_line(inspect({"--maps", "--json"}).out));
    EXPECT_EQ(json.at("maps").at(1).at("pid"), 43);
    EXPECT_TRUE(json.at("maps").at(1).at("mappings").empty());
}

TEST_F(Inspect, GivesOneJsonObjectOnRequest) {
    const Json json = Json::parse(only_line(inspect({"--json"}).out));
    EXPECT_EQ(json.at("name"), "redis");
    EXPECT_EQ(json.at("tree").size(), 2U);
    EXPECT_EQ(json.at("memory").at(0).at("anonymous"), 6 << 20);
    EXPECT_FALSE(json.at("memory").at(1).contains("anonymous"));
    EXPECT_EQ(json.at("files").at(0).at("path"), "/var/log/redis.log");
    EXPECT_EQ(json.at("open").at(0).at("descriptors").at(0).at("position"), 1000);
    EXPECT_EQ(json.at("connections").at(0).at("remote_port"), 4242);
    EXPECT_EQ(json.at("sockets").at(1).at("held_by"), "42:4");
    EXPECT_EQ(json.at("sockets").at(1).at("peer"), "43:5");
    EXPECT_EQ(json.at("images").at(0).at("name"), "inventory.img");
    EXPECT_EQ(json.at("timings").size(), 4U);
}

TEST_F(Inspect, TellsWhatChangedBetweenTwo) {
    const fs::path later = folder() / "later.zip";
    Manifest manifest = plausible_manifest("redis", 42, "2026-11-22T11:00:00Z");
    manifest.tree.front().resident_bytes = 12 << 20;
    write_checkpoint(later, manifest);
    const CedanaRun run = inspect({later});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(matches(run.out, "[^]*42 +redis +changed +\\+4.0 MiB[^]*43 +worker +removed[^]*"));
    EXPECT_TRUE(matches(run.out, "[^]*/var/log/redis.log +removed[^]*10.0.0.1:6379 to 10.0.0.2:4242 +removed[^]*"));
    const Json json = Json::parse(only_line(inspect({later, "--json"}).out));
    EXPECT_EQ(json.at("processes").at(1).at("change"), "removed");
}

TEST_F(Inspect, TellsWhichDescriptorsAndSocketsChangedBetweenTwo) {
    const fs::path later = folder() / "later.zip";
    Manifest manifest = plausible_manifest("redis", 42, "2026-11-22T11:00:00Z");
    manifest.facts = RecordedFacts{
        .processes =
            {{.pid = 42,
              .descriptors = {{.fd = 3, .kind = OpenKind::file, .target = "/var/log/redis.log", .position = 2000}}}},
        .sockets = {{.inode = 90, .kind = "udp", .state = "open", .local = "0.0.0.0:53"}}};
    write_checkpoint(later, manifest);
    const std::string out = inspect({later}).out;
    EXPECT_TRUE(matches(out, "[^]*42 +3 +changed +/var/log/redis.log at 1000 to /var/log/redis.log at 2000\n[^]*"));
    EXPECT_TRUE(matches(out, "[^]*udp open 0.0.0.0:53 +added +0 to 1\n[^]*"));
    const Json json = Json::parse(only_line(inspect({later, "--json"}).out));
    EXPECT_EQ(json.at("descriptors").at(0).at("change"), "changed");
}

TEST_F(Inspect, WritesAPageThatIsPrivate) {
    const fs::path page = folder() / "page.html";
    EXPECT_EQ(only_line(inspect({"--html", page}).out), page.string());
    struct ::stat info {};
    ASSERT_EQ(::stat(page.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST_F(Inspect, WritesOverNoFileUnlessThatIsAskedFor) {
    const fs::path page = folder() / "page.html";
    write_text(page, "mine");
    const CedanaRun refused = inspect({"--html", page});
    EXPECT_EQ(refused.exit_code, 2);
    EXPECT_TRUE(holds(refused.err, page.string() + " is there already"));
    EXPECT_EQ(read_file(page), "mine");
    EXPECT_EQ(inspect({"--html", page, "--force"}).exit_code, 0);
    EXPECT_TRUE(read_file(page).starts_with("<!"));
    EXPECT_EQ(inspect({"--html", "/dev/null"}).exit_code, 0);
}

TEST_F(Inspect, WritesAPageToStandardOutput) {
    const CedanaRun run = inspect({"--html", "-"});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(run.out.starts_with("<!"));
    EXPECT_FALSE(fs::exists("/-"));
    EXPECT_EQ(inspect({"--html", "-", "--json"}).exit_code, 2);
}

TEST_F(Inspect, SaysWhereAPageCannotBe) {
    const CedanaRun nowhere = inspect({"--html", folder() / "absent" / "page.html"});
    EXPECT_EQ(nowhere.exit_code, 9);
    EXPECT_EQ(field_of(nowhere.err, "hint"), "mkdir -p " + (folder() / "absent").string());
    EXPECT_EQ(inspect({"--html", folder()}).exit_code, 9);
    EXPECT_EQ(inspect({"--html", folder() / std::string(300, 'x')}).exit_code, 9);
}

TEST_F(Inspect, IsExit8ForWhatIsNoCheckpoint) {
    write_text(folder() / "other.zip", "not one");
    EXPECT_EQ(cedana({"client", "inspect", folder() / "other.zip"}).exit_code, 8);
}

// In the browser: what was loaded, whether the page is wider than the window, and whether a label leaves its tile.
constexpr const char* k_questions = R"(<script>
const boxes = (id) => [...document.querySelectorAll(id + ' g')].map(g => [g.querySelector('rect'), g.querySelector('text')]);
const inside = ([rect, text]) => !text || !text.textContent ||
  (text.getBBox().x >= rect.getBBox().x && text.getBBox().x + text.getBBox().width <= rect.getBBox().x + rect.getBBox().width);
document.body.innerHTML = 'loaded=' + performance.getEntriesByType('resource').length +
  ' wide=' + (document.documentElement.scrollWidth > innerWidth) +
  ' tiles=' + boxes('#treemap').length + ' phases=' + boxes('#timeline').length +
  ' labels=' + [...boxes('#treemap'), ...boxes('#timeline')].every(inside) +
  ' frozen=' + (document.querySelector('#frozen').getBoundingClientRect().width > 1);
</script>)";

TEST_F(Inspect, WritesAPageThatABrowserShowsAsItIsMeant) {
    if (::access("/usr/bin/chromium", X_OK) != 0) {
        if (std::getenv("CI") != nullptr)
            FAIL() << "chromium is not installed";
        GTEST_SKIP() << "chromium is not installed";
    }
    const fs::path page = folder() / "page.html";
    ASSERT_EQ(inspect({"--html", page}).exit_code, 0);
    write_text(folder() / "asked.html", read_file(page) + k_questions);
    for (const char* window : {"1000,1200", "420,900"}) {
        const Captured shown =
            run_captured({.argv = {"/usr/bin/chromium", "--headless", "--no-sandbox", "--disable-gpu",
                                   "--disable-background-networking", "--disable-component-update", "--disable-sync",
                                   "--no-first-run", std::string("--window-size=") + window,
                                   "--user-data-dir=" + (folder() / "browser").string(), "--dump-dom",
                                   "file://" + (folder() / "asked.html").string()}},
                         std::chrono::seconds(60));
        EXPECT_TRUE(holds(shown.out, "loaded=0 wide=false tiles=2 phases=4 labels=true frozen=true"))
            << window << ": " << shown.err;
    }
}

TEST_F(Inspect, WritesAPageOfWhatChangedBetweenTwo) {
    const fs::path later = folder() / "later.zip";
    Manifest manifest = plausible_manifest("redis", 42, "2026-11-22T11:00:00Z");
    manifest.files = {{.path = "/var/log/new.log", .size = 7}};
    write_checkpoint(later, manifest);
    const fs::path page = folder() / "page.html";
    EXPECT_EQ(only_line(inspect({later, "--html", page}).out), page.string());
    EXPECT_TRUE(holds(read_file(page), "/var/log/new.log"));
}

} // namespace
} // namespace cedana::testing
