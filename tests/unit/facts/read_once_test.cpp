// SPDX-License-Identifier: Apache-2.0
// A look at a tree reads no file of /proc twice, however much looks at what was read.
#include "cedana/base/files.hpp"
#include "cedana/facts/external_ends.hpp"
#include "cedana/facts/facts.hpp"
#include "cedana/facts/required_files.hpp"
#include "cedana/process/written_files.hpp"

#include <array>
#include <cstring>
#include <map>

#include <gtest/gtest.h>
#include <spdlog/fmt/fmt.h>

#include <sys/inotify.h>

#include "unit/process/fake_proc.hpp"
#include "unit/process/forked.hpp"
#include "unit/process/look_at.hpp"

namespace cedana {
namespace {

namespace fs = std::filesystem;
using testing::FakeProc;
using testing::Forked;

// Counts how often the files in a folder, and below it, are opened from now on.
class Opens {
  public:
    explicit Opens(const fs::path& folder) : notify_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
        watch(folder);
        for (const auto& entry : fs::recursive_directory_iterator(folder))
            if (entry.is_directory() && !entry.is_symlink())
                watch(entry.path());
    }
    std::map<fs::path, int> counts() {
        std::map<fs::path, int> counts;
        std::array<char, 64UL * 1024> buffer;
        for (ssize_t size = 0; (size = ::read(notify_.get(), buffer.data(), buffer.size())) > 0;) {
            for (ssize_t at = 0; at < size;) {
                inotify_event event{};
                std::memcpy(&event, buffer.data() + at, sizeof event);
                if ((event.mask & IN_ISDIR) == 0 && event.len != 0)
                    ++counts[folders_.at(event.wd) / (buffer.data() + at + sizeof event)];
                at += static_cast<ssize_t>(sizeof event + event.len);
            }
        }
        return counts;
    }

  private:
    void watch(const fs::path& folder) {
        folders_[::inotify_add_watch(notify_.get(), folder.c_str(), IN_OPEN)] = folder;
    }
    UniqueFd notify_;
    std::map<int, fs::path> folders_;
};

TEST(ALook, ReadsNoFileTwice) {
    constexpr int k_descriptors = 20;
    const Forked child;
    FakeProc proc;
    const std::string status = "Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nNSsid:\t1\nCapEff:\t000001ffffffffff\n";
    proc.add({.pid = child.pid(), .parent = ::getpid(), .status = status});
    proc.add({.pid = ::getpid(), .status = status});
    for (const char* name : {"net/tcp", "net/tcp6", "net/udp", "net/udp6", "maps", "cgroup", "timers", "mountinfo"})
        proc.write(child.pid(), name, "");
    proc.write(::getpid(), "cgroup", "");
    for (const char* kind : {"net", "mnt", "user"})
        for (const pid_t pid : {child.pid(), ::getpid()})
            proc.link(pid, std::string("ns/") + kind, std::string(kind) + ":[1]");
    for (int fd = 0; fd < k_descriptors; ++fd) {
        proc.link(child.pid(), "fd/" + std::to_string(fd), fd % 2 == 0 ? "/dev/null" : "socket:[4000000000]");
        proc.write(child.pid(), "fdinfo/" + std::to_string(fd), "pos:\t0\nflags:\t02\nmnt_id:\t1\n");
    }
    const ProcessTree tree = read_tree(proc.procfs(), ProcessHandle::open(proc.procfs(), child.pid()), ::getpid());

    Opens opens(proc.path());
    const TreeHoldings holdings = holdings_of(proc.procfs(), tree);
    const TreeFacts facts = read_facts(proc.procfs(), tree, holdings, ::getpid());
    const std::vector<RequiredFile> required = required_files(proc.procfs(), holdings);
    const WrittenFiles written = written_files(holdings);

    const std::map<fs::path, int> counts = opens.counts();
    EXPECT_GE(counts.size(), k_descriptors + 8U);
    // Of cedana itself there is one, however many processes the tree has.
    const fs::path own = proc.path() / std::to_string(::getpid());
    for (const auto& [path, count] : counts)
        if (path.parent_path() != own) {
            EXPECT_EQ(count, 1) << path;
        }
    EXPECT_EQ(facts.record.sockets.size(), 1U);
}

// Whether a folder itself is opened, as it must be to list it.
class Listings {
  public:
    explicit Listings(const fs::path& folder) : notify_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
        ::inotify_add_watch(notify_.get(), folder.c_str(), IN_OPEN);
    }
    bool seen() {
        std::array<char, 64UL * 1024> buffer;
        const ssize_t size = ::read(notify_.get(), buffer.data(), buffer.size());
        for (ssize_t at = 0; at < size;) {
            inotify_event event{};
            std::memcpy(&event, buffer.data() + at, sizeof event);
            if (event.len == 0)
                return true;
            at += static_cast<ssize_t>(sizeof event + event.len);
        }
        return false;
    }

  private:
    UniqueFd notify_;
};

// However many processes the host has: the tree stands still meanwhile.
TEST(ALookAtAFrozenTree, DoesNotListTheProcessesOfTheHost) {
    const Forked child;
    FakeProc proc;
    proc.add({.pid = child.pid()});
    proc.write(child.pid(), fmt::format("task/{}/children", child.pid()), "");
    proc.write(child.pid(), "maps", "");
    proc.link(child.pid(), "fd/6", "pipe:[77]");
    proc.write(child.pid(), "fdinfo/6", "flags:\t01\n");
    proc.link(child.pid(), "fd/7", "socket:[78]");
    proc.write(child.pid(), "fdinfo/7", "flags:\t02\nscm_fds: 1\n");
    const Procfs& procfs = proc.procfs();

    Listings listings(proc.path());
    const ProcessTree tree = read_frozen_tree(procfs, ProcessHandle::open(procfs, child.pid()));
    const TreeHoldings holdings = holdings_of(procfs, tree);
    EXPECT_TRUE(external_pipes_of_frozen(holdings, {}).empty());
    EXPECT_TRUE(written_files(holdings).files.empty());
    EXPECT_FALSE(listings.seen());

    static_cast<void>(external_pipes(procfs, holdings));
    EXPECT_TRUE(listings.seen());
}

} // namespace
} // namespace cedana
