// SPDX-License-Identifier: Apache-2.0
#include "cedana/checkpoint/compare.hpp"
#include "cedana/checkpoint/inspect.hpp"

#include <gtest/gtest.h>

#include "support/synthetic_checkpoint.hpp"
#include "unit/temp_folder.hpp"

namespace cedana {
namespace {

using testing::plausible_manifest;

Manifest manifest() { return plausible_manifest("redis", 42, "2026-11-22T10:00:00Z"); }

using Inspect = test::InTempFolder;

TEST_F(Inspect, TellsSizesOfTheArchiveAndItsImages) {
    testing::write_checkpoint(path("a.zip"), manifest(), "0123456789");
    const Inspection found = inspect(path("a.zip"), Keyring());
    EXPECT_EQ(found.bytes_archive, std::filesystem::file_size(path("a.zip")));
    ASSERT_EQ(found.images.size(), 1U);
    EXPECT_EQ(found.images.front().name, "inventory.img");
    EXPECT_EQ(found.images.front().bytes, 10U);
    EXPECT_EQ(found.manifest.name, "redis");
}

TEST(TimelineOf, HasThePhasesInTheirOrderAndTheFrozenPartAtTheEndOfTheCopy) {
    Manifest one = manifest();
    one.timings = {{"resume", 1}, {"capture", 4}, {"prepare", 2}, {"files", 3}, {"compress", 5}};
    one.frozen_seconds = 5;
    const Timeline line = timeline_of(one);
    std::vector<std::string> names;
    for (const Phase& phase : line.phases)
        names.push_back(phase.name);
    EXPECT_EQ(names, (std::vector<std::string>{"prepare", "capture", "files", "resume", "compress"}));
    EXPECT_EQ(line.seconds, 15);
    EXPECT_EQ(line.frozen_begin, 4);
    EXPECT_EQ(line.frozen_seconds, 5);
    EXPECT_TRUE(line.frozen_is_measured);
}

TEST(TimelineOf, TakesThePhasesWholeWhereNothingWasMeasured) {
    Manifest one = manifest();
    one.timings = {{"prepare", 2}, {"capture", 4}, {"files", 3}};
    const Timeline line = timeline_of(one);
    EXPECT_EQ(line.frozen_begin, 2);
    EXPECT_EQ(line.frozen_seconds, 7);
    EXPECT_FALSE(line.frozen_is_measured);
}

TEST(TimelineOf, IsEmptyWithoutTimes) {
    Manifest one = manifest();
    one.timings = {};
    EXPECT_TRUE(timeline_of(one).phases.empty());
    EXPECT_EQ(timeline_of(one).frozen_seconds, 0);
}

TEST(Compare, OfACheckpointWithItselfIsTheSame) {
    Manifest one = manifest();
    one.files = {{.path = "/a"}};
    one.connections = {{.local_address = "10.0.0.1", .local_port = 1, .remote_address = "::1", .remote_port = 2}};
    const Comparison found = compare(one, one);
    EXPECT_TRUE(found.same_process);
    EXPECT_EQ(found.processes.at(0).change, Change::same);
    EXPECT_EQ(found.files.at(0).change, Change::same);
    EXPECT_EQ(found.sockets.at(0).change, Change::same);
    EXPECT_EQ(found.sockets.at(0).text, "tcp connected 10.0.0.1:1 to [::1]:2");
}

TEST(Compare, TellsWhatCameWentAndChanged) {
    Manifest before = manifest();
    Manifest after = manifest();
    before.tree.push_back({.pid = 43, .comm = "old", .executable = {}, .command_line = {}, .threads = {43}});
    after.tree.push_back({.pid = 44, .comm = "new", .executable = {}, .command_line = {}, .threads = {44}});
    after.tree.front().resident_bytes += 100;
    before.files = {{.path = "/gone", .size = 1}, {.path = "/log", .size = 1}};
    after.files = {{.path = "/log", .size = 5}, {.path = "/new", .size = 7}};
    after.connections = {{.local_address = "10.0.0.1", .local_port = 1, .remote_address = "10.0.0.2"}};
    const Comparison found = compare(before, after);
    ASSERT_EQ(found.processes.size(), 3U);
    EXPECT_EQ(found.processes[0].change, Change::changed);
    EXPECT_EQ(found.processes[0].bytes_after - found.processes[0].bytes_before, 100U);
    EXPECT_EQ(found.processes[1].change, Change::removed);
    EXPECT_EQ(found.processes[2].change, Change::added);
    ASSERT_EQ(found.files.size(), 3U);
    EXPECT_EQ(found.files[0].change, Change::removed);
    EXPECT_EQ(found.files[1].change, Change::changed);
    EXPECT_EQ(found.files[2].change, Change::added);
    EXPECT_EQ(found.sockets.at(0).change, Change::added);
}

TEST(Compare, TakesARestoredProcessForTheSameOnAnotherHostToo) {
    Manifest after = manifest();
    after.tree.front().start_time += 1;
    after.host.name = "another";
    const Comparison found = compare(manifest(), after);
    EXPECT_TRUE(found.same_process);
    ASSERT_EQ(found.processes.size(), 1U);
    EXPECT_EQ(found.processes.front().change, Change::same);
}

TEST(Compare, SeesThatAPidWasGivenToAnotherProgram) {
    Manifest after = manifest();
    after.tree.front().executable = "/usr/bin/another";
    const Comparison found = compare(manifest(), after);
    EXPECT_FALSE(found.same_process);
    EXPECT_EQ(found.processes.size(), 2U);
}

TEST(Compare, SeesThatAPidWasGivenToTheSameProgramWithOtherArguments) {
    Manifest after = manifest();
    after.tree.front().command_line = {"/usr/bin/python3", "other.py"};
    EXPECT_FALSE(compare(manifest(), after).same_process);
}

Manifest with_facts(const std::vector<RecordedDescriptor>& descriptors, const std::vector<RecordedSocket>& sockets) {
    Manifest one = manifest();
    one.facts = RecordedFacts{.processes = {{.pid = 42, .descriptors = descriptors}}, .sockets = sockets};
    return one;
}

TEST(Compare, TellsWhichDescriptorsLeadElsewhere) {
    const Manifest before = with_facts({{.fd = 1, .kind = OpenKind::pipe, .target = "pipe:[17]"},
                                        {.fd = 3, .kind = OpenKind::file, .target = "/log", .position = 10},
                                        {.fd = 4, .kind = OpenKind::file, .target = "/gone"}},
                                       {});
    const Manifest after = with_facts({{.fd = 1, .kind = OpenKind::pipe, .target = "pipe:[99]"},
                                       {.fd = 3, .kind = OpenKind::file, .target = "/log", .position = 20},
                                       {.fd = 5, .kind = OpenKind::eventfd, .target = "anon_inode:[eventfd]"}},
                                      {});
    const auto found = compare(before, after).descriptors;
    ASSERT_EQ(found.size(), 4U);
    EXPECT_EQ(found[0].change, Change::same);
    EXPECT_EQ(found[1].change, Change::changed);
    EXPECT_EQ(found[1].before, "/log at 10");
    EXPECT_EQ(found[1].after, "/log at 20");
    EXPECT_EQ(found[2].change, Change::removed);
    EXPECT_EQ(found[3].change, Change::added);
    EXPECT_EQ(found[3].fd, 5);
}

TEST(Compare, CountsSocketsThatLookAlike) {
    const RecordedSocket unnamed{.inode = 1, .kind = "unix stream", .state = "connected"};
    const RecordedSocket listening{.inode = 2, .kind = "tcp", .state = "listening", .local = "0.0.0.0:80"};
    const auto found =
        compare(with_facts({}, {unnamed, listening}), with_facts({}, {unnamed, unnamed, listening})).sockets;
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].text, "tcp listening 0.0.0.0:80");
    EXPECT_EQ(found[0].change, Change::same);
    EXPECT_EQ(found[1].text, "unix stream connected");
    EXPECT_EQ(found[1].before, 1U);
    EXPECT_EQ(found[1].after, 2U);
    EXPECT_EQ(found[1].change, Change::changed);
}

TEST(Compare, SeesAFileWhoseContentChangedAtTheSameSize) {
    Manifest before = manifest();
    before.files = {{.path = "/log", .size = 5, .digest = std::string(64, 'a')}};
    Manifest after = before;
    after.files.front().digest = std::string(64, 'b');
    EXPECT_EQ(compare(before, after).files.at(0).change, Change::changed);
}

} // namespace
} // namespace cedana
