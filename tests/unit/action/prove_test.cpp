// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/prove.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/units.hpp"

#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace cedana {
namespace {

using Reasons = std::vector<std::string>;

class Obstacles : public ::testing::Test {
  protected:
    Obstacles() {
        manifest.tree = {{.pid = 42, .comm = "app", .executable = {}, .command_line = {}, .threads = {42}}};
        manifest.bytes_images = 100 * k_mib;
        manifest.facts = RecordedFacts{.processes = {{.pid = 42}}};
        write(file, "content");
    }
    static void write(const std::filesystem::path& path, std::string_view content) {
        write_all(open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0644).get(), content, path);
    }
    // As /proc/locks has it.
    [[nodiscard]] std::vector<Lease> locked_by(const char* kind) const {
        struct ::stat info {};
        EXPECT_EQ(::stat(file.c_str(), &info), 0);
        return parse_leases(fmt::format(
            "1: POSIX  ADVISORY  WRITE 7 00:01:1 0 EOF\n2: {}  ACTIVE    WRITE 4242 {:02x}:{:02x}:{} 0 EOF\n", kind,
            major(info.st_dev), minor(info.st_dev), info.st_ino));
    }
    [[nodiscard]] Reasons found(const Reasons& arguments = {}) const {
        return obstacles(manifest, arguments, look, host);
    }
    // One reason, which holds this.
    void expect_reason(const Reasons& reasons, const std::string& word) const {
        ASSERT_EQ(reasons.size(), 1U);
        EXPECT_NE(reasons.front().find(word), std::string::npos) << reasons.front();
    }

    TempDir folder{"/tmp", "cedana-obstacles"};
    std::filesystem::path file = folder.path() / "data";
    Manifest manifest;
    criu::TrialLook look;
    TrialHost host;
};

TEST_F(Obstacles, AreNoneForAPlainTree) {
    look.written = {{.path = file.string(), .size = 7, .mode = S_IFREG | 0644}};
    look.read = {"/bin/sh"};
    host.available_memory = 10240 * k_mib;
    EXPECT_EQ(found(), Reasons());
    EXPECT_EQ(found({"-v4"}), Reasons());
}

TEST_F(Obstacles, AreThoseOfTheImages) {
    look.reasons = {"it has a FIFO open"};
    EXPECT_EQ(found(), look.reasons);
}

TEST_F(Obstacles, AreNamespacesOfItsOwn) {
    manifest.facts->processes.front().namespaces = {"net:[4026532001]"};
    expect_reason(found(), "process 42 is in a namespace of its own (net:[4026532001])");
}

TEST_F(Obstacles, AreNotThoseOfTime) {
    manifest.facts->processes.front().namespaces = {"time:[4026532001]", "time_for_children:[4026532001]"};
    EXPECT_EQ(found(), Reasons());
    manifest.facts->processes.front().namespaces.emplace_back("uts:[4026532002]");
    expect_reason(found(), "process 42 is in a namespace of its own (uts:[4026532002])");
}

TEST_F(Obstacles, AreMountsOfItsOwn) {
    manifest.own_mounts = true;
    expect_reason(found(), "it has a mount namespace of its own");
}

TEST_F(Obstacles, AreArgumentsOfCriuThatMayDoAnything) {
    expect_reason(found({"--external=mnt[]"}), "--external=mnt[]");
    manifest.criu_options.extra = {"--action-script=/x"};
    expect_reason(found(), "--action-script=/x");
}

TEST_F(Obstacles, AreMemoryThatIsNotFreeOnceMore) {
    host.available_memory = 100 * k_mib;
    expect_reason(found(), "its memory is not free once more: 100 MiB of ");
}

TEST_F(Obstacles, AreFilesThatAreGone) {
    look.written = {{.path = (folder.path() / "gone").string(), .size = 7, .mode = S_IFREG | 0644}};
    expect_reason(found(), "is not there now");
}

TEST_F(Obstacles, AreFoldersInThePlaceOfFiles) {
    look.written = {{.path = folder.path().string(), .size = 7, .mode = S_IFREG | 0644}};
    expect_reason(found(), "is not there now");
}

TEST_F(Obstacles, AreLeasesThatOpeningWouldBreak) {
    look.read = {file.string()};
    host.leases = locked_by("LEASE");
    expect_reason(found(), "somebody holds a lease on a file of it (" + file.string() + ")");
    host.leases = locked_by("FLOCK");
    EXPECT_EQ(found(), Reasons());
}

// The trial opens what stands in for it.
TEST_F(Obstacles, AreNoLeasesOnFilesThatItWritesTo) {
    look.read = {file.string()};
    look.written = {{.path = file.string(), .size = 7, .mode = S_IFREG | 0644}};
    host.leases = locked_by("LEASE");
    EXPECT_EQ(found(), Reasons());
}

TEST(Proof, IsToldInOneLine) {
    EXPECT_EQ(text_of({.state = ProofState::proved, .seconds = 0.4}), "proved in 0.4 s");
    EXPECT_EQ(text_of({.reasons = {"it has a FIFO open", "it holds a lock"}}),
              "not provable, because it has a FIFO open; it holds a lock");
    EXPECT_EQ(text_of({.state = ProofState::failed, .seconds = 1.5}), "a trial failed after 1.5 s");
}

} // namespace
} // namespace cedana
