// SPDX-License-Identifier: Apache-2.0
// Archives that somebody made to do harm: each is refused with exit 8 before anything is written or run. What the zip
// format itself allows (names, links, overlaps, sizes) is in unit/archive/zip_reader_test.cpp.
#include "cedana/base/files.hpp"

#include <algorithm>
#include <csignal>

#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "command/command_fixture.hpp"
#include "support/made_checkpoint.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;

class HostileArchive : public WithFakeCriu {
  protected:
    // Of a restore, and that verify finds it no better.
    CedanaRun expect_refused(const CheckpointParts& parts) const {
        const fs::path zip = scratch("hostile.zip");
        make_checkpoint(zip, parts);
        EXPECT_EQ(cedana({"client", "verify", zip}).exit_code, 8);
        CedanaRun run = restore(zip);
        EXPECT_EQ(run.exit_code, 8) << run.err;
        EXPECT_EQ(run.out, "");
        EXPECT_TRUE(criu_runs("restore").empty());
        return run;
    }
    CedanaRun expect_refused_place(const std::string& path) const {
        return expect_refused({.files = {{path, "content of the archive"}}});
    }
};

TEST_F(HostileArchive, PutsNothingBackIntoFileSystemsOfTheKernel) {
    const std::string before = read_file("/proc/self/oom_score_adj");
    for (const char* path : {"/proc/sys/kernel/core_pattern", "/sys/kernel/mm/ksm/run", "/dev/null", "/dev/mem"}) {
        EXPECT_TRUE(holds(expect_refused_place(path).err, path));
        fs::remove(scratch("hostile.zip"));
    }
    EXPECT_EQ(read_file("/proc/self/oom_score_adj"), before);
}

TEST_F(HostileArchive, PutsNothingBackIntoProcMountedElsewhere) {
    fs::create_directory(scratch("p"));
    if (::mount("proc", scratch("p").c_str(), "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0)
        GTEST_SKIP() << "needs to mount a file system, which is not permitted here";
    EXPECT_TRUE(holds(expect_refused_place(scratch("p") / "sys/kernel/core_pattern").err, "of the kernel's own"));
    ::umount2(scratch("p").c_str(), MNT_DETACH);
}

TEST_F(HostileArchive, PutsNothingBackOntoADevice) {
    if (::mknod(scratch("device").c_str(), S_IFCHR | 0600, makedev(1, 3)) != 0)
        GTEST_SKIP() << "needs to make a device, which is not permitted here";
    EXPECT_TRUE(holds(expect_refused_place(scratch("device")).err, "no regular file"));
    EXPECT_TRUE(fs::is_character_file(scratch("device")));
}

TEST_F(HostileArchive, PutsNothingBackThroughALink) {
    write_text(scratch("shadow"), "secret\n");
    fs::create_symlink(scratch("shadow"), scratch("log"));
    EXPECT_TRUE(holds(expect_refused_place(scratch("log")).err, "symbolic link"));
    EXPECT_EQ(read_file(scratch("shadow")), "secret\n");
}

struct Absurd {
    std::string what;
    std::function<void(Manifest&)> change;
};

class AbsurdManifest : public HostileArchive, public ::testing::WithParamInterface<Absurd> {};

TEST_P(AbsurdManifest, IsRefused) { expect_refused({.files = {{"/tmp/a", "a"}}, .change = GetParam().change}); }

std::vector<Absurd> absurd_manifests() {
    return {
        {"AFileThatCountsNoMoreAndIsPutBack", [](Manifest& one) { one.superseded_files = {"0"}; }},
        {"AFileThatCountsNoMoreAndIsNotThere", [](Manifest& one) { one.superseded_files = {"1"}; }},
        {"MoreImages", [](Manifest& manifest) { manifest.images = 1'000'000'000; }},
        {"MoreBytes", [](Manifest& manifest) { manifest.bytes_images = ~0ULL; }},
        {"FewerBytes", [](Manifest& manifest) { manifest.bytes_images = 1; }},
        {"NoProcess", [](Manifest& manifest) { manifest.tree.clear(); }},
        {"PidZero", [](Manifest& manifest) { manifest.tree.front().pid = 0; }},
        {"PidOfNobody", [](Manifest& manifest) { manifest.tree.front().threads.push_back(2'000'000'000); }},
        {"NegativePid", [](Manifest& manifest) { manifest.tree.front().pid = -1; }},
        {"TwoProcessesOfOnePid", [](Manifest& manifest) { manifest.tree.push_back(manifest.tree.front()); }},
        {"NoDigests", [](Manifest& manifest) { manifest.digests.clear(); }},
        {"RelativePath", [](Manifest& manifest) { manifest.files.front().path = "tmp/a"; }},
        {"PathThatLeadsUp", [](Manifest& manifest) { manifest.files.front().path = "/tmp/../etc/shadow"; }},
        {"FileWithoutEnd", [](Manifest& manifest) { manifest.files.front().size = ~0ULL; }},
        {"FileOfAnotherSize", [](Manifest& manifest) { manifest.files.front().size = 1ULL << 40; }},
        {"OtherEntry", [](Manifest& manifest) { manifest.files.front().entry = "../../images/pages-1.img"; }},
        {"MissingEntry", [](Manifest& manifest) { manifest.files.front().entry = "1"; }},
    };
}

INSTANTIATE_TEST_SUITE_P(Values, AbsurdManifest, ::testing::ValuesIn(absurd_manifests()),
                         [](const auto& one) { return one.param.what; });

TEST_F(HostileArchive, WhoseManifestIsNestedWithoutEndIsRefused) {
    constexpr std::size_t k_depth = 1'000'000;
    const auto rewrite = [](std::string& text) {
        text.replace(text.find("\"images\": ") + 10, 1, std::string(k_depth, '[') + std::string(k_depth, ']'));
    };
    expect_refused({.rewrite = rewrite});
}

TEST_F(HostileArchive, WhoseManifestIsNoJsonIsRefused) {
    expect_refused({.rewrite = [](std::string& text) { text.assign(100'000, '\xff'); }});
}

// What it prints has no control character but the ends of its own lines.
void expect_plain(const std::string& text) {
    EXPECT_TRUE(std::ranges::none_of(text, [](char c) { return (c >= 0 && c < ' ' && c != '\n') || c == 0x7f; }))
        << text;
    EXPECT_FALSE(holds(text, "\nerror: forged")) << text;
}

class NamesOnTheTerminal : public HostileArchive {
  protected:
    static constexpr const char* k_evil = "evil\033[2J\nerror: forged\r";
};

TEST_F(NamesOnTheTerminal, OfCheckpointsAreShownEscaped) {
    const fs::path zip = scratch(k_evil);
    write_text(zip, "no zip");
    for (const char* command : {"restore", "verify"}) {
        const CedanaRun run = cedana({"client", command, zip});
        EXPECT_EQ(run.exit_code, 8);
        expect_plain(run.out);
        expect_plain(run.err);
        EXPECT_TRUE(holds(run.err, "evil\\x1b[2J\\x0aerror: forged\\x0d"));
    }
}

TEST_F(NamesOnTheTerminal, AreOneWordWhereTheyAreToBeTyped) {
    const Target target({"/bin/sleep", "infinity"});
    const CedanaRun run = cedana({"client", "dump", "-p", target.pid_text(), "-d", scratch("a b;touch PWN'")});
    EXPECT_EQ(run.exit_code, 9);
    EXPECT_TRUE(holds(run.err, "mkdir -p '" + scratch("a b;touch PWN").string() + R"('\''')"));
    const CedanaRun escaped = cedana({"client", "dump", "-p", target.pid_text(), "-d", scratch("a\033[2J")});
    EXPECT_TRUE(holds(escaped.err, "mkdir -p $'" + scratch("a").string() + R"(\x1b[2J')"));
}

TEST_F(NamesOnTheTerminal, OfProgramsAndFilesAreShownEscaped) {
    const auto change = [](Manifest& manifest) {
        manifest.name = k_evil;
        manifest.host.name = k_evil;
        manifest.host.machine = k_evil;
        manifest.tree.front().comm = k_evil;
        manifest.tree.front().command_line = {k_evil};
        manifest.required_files = {{.path = std::string("/") + k_evil, .kind = RequiredKind::file, .size = 1}};
    };
    make_checkpoint(scratch("a.zip"), {.files = {{std::string("/gone/") + k_evil, "x"}}, .change = change});
    for (const std::vector<std::string>& command :
         {std::vector<std::string>{"verify"}, {"restore"}, {"restore", "--dry-run"}, {"verify", "--json"}}) {
        std::vector<std::string> arguments = {"client"};
        arguments.insert(arguments.end(), command.begin(), command.end());
        arguments.push_back(scratch("a.zip"));
        const CedanaRun run = cedana(arguments);
        EXPECT_EQ(run.exit_code, 5) << run.err;
        expect_plain(run.out);
        expect_plain(run.err);
    }
}

} // namespace
} // namespace cedana::testing
