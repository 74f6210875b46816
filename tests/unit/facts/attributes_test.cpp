// SPDX-License-Identifier: Apache-2.0
// Real children: what one was set to is read, and put back in another that has its pid or is the same, set otherwise.
#include "cedana/base/files.hpp"
#include "cedana/facts/attributes.hpp"
#include "cedana/facts/cpu_list.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>

#include <gtest/gtest.h>
#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "unit/process/forked.hpp"
#include "unit/process/look_at.hpp"

namespace cedana {
namespace {

using testing::Forked;

bool write_file_of(pid_t pid, const char* name, const std::string& text) {
    std::ofstream file(fmt::format("/proc/{}/{}", pid, name));
    file << text << std::flush;
    return file.good();
}

constexpr int k_of_process = 1;
constexpr int k_idle_io = 3 << 13;

class Attributes : public ::testing::Test {
  protected:
    [[nodiscard]] std::vector<ProcessAttributes> read() const { return read_attributes(procfs_, tree()); }
    [[nodiscard]] std::vector<std::string> put_back(const std::vector<ProcessAttributes>& wanted) const {
        return put_attributes_back(procfs_, tree(), wanted);
    }
    [[nodiscard]] ProcessTree tree() const {
        return read_frozen_tree(procfs_, ProcessHandle::open(procfs_, child_.pid()));
    }
    [[nodiscard]] bool may_raise_limits() const { return procfs_.status(::getpid())->has_capability(CAP_SYS_RESOURCE); }

    Forked child_ = Forked([] { ::setsid(); });
    Procfs procfs_;
};

struct Setting {
    const char* name;
    std::function<bool(pid_t)> before;
    std::function<bool(pid_t)> after;
};

class EachAttribute : public Attributes, public ::testing::WithParamInterface<Setting> {};

Setting scheduling(const char* name, int policy, int priority, int other) {
    return {name,
            [=](pid_t pid) {
                const sched_param parameter{.sched_priority = priority};
                return ::sched_setscheduler(pid, policy, &parameter) == 0;
            },
            [=](pid_t pid) {
                const sched_param none{};
                return ::sched_setscheduler(pid, other, &none) == 0;
            }};
}

Setting proc_file(const char* name, const char* before, const char* after) {
    return {name, [=](pid_t pid) { return write_file_of(pid, name, before); },
            [=](pid_t pid) { return write_file_of(pid, name, after); }};
}

INSTANTIATE_TEST_SUITE_P(
    Table, EachAttribute,
    ::testing::Values(
        Setting{"Affinity", [](pid_t pid) { return set_affinity(pid, parse_cpu_list("0").value()); },
                [](pid_t pid) { return set_affinity(pid, every_cpu()); }},
        Setting{"NoAffinity", [](pid_t pid) { return set_affinity(pid, every_cpu()); },
                [](pid_t pid) { return set_affinity(pid, parse_cpu_list("0").value()); }},
        Setting{"IoPriority", [](pid_t pid) { return ::syscall(SYS_ioprio_set, k_of_process, pid, k_idle_io) == 0; },
                [](pid_t pid) { return ::syscall(SYS_ioprio_set, k_of_process, pid, 0) == 0; }},
        Setting{"NoIoPriority", [](pid_t pid) { return ::syscall(SYS_ioprio_set, k_of_process, pid, 0) == 0; },
                [](pid_t pid) { return ::syscall(SYS_ioprio_set, k_of_process, pid, k_idle_io) == 0; }},
        Setting{"Nice", [](pid_t pid) { return ::setpriority(PRIO_PROCESS, static_cast<id_t>(pid), 7) == 0; },
                [](pid_t pid) { return ::setpriority(PRIO_PROCESS, static_cast<id_t>(pid), 3) == 0; }},
        Setting{"SoftLimit",
                [](pid_t pid) {
                    const rlimit limit{.rlim_cur = 1024, .rlim_max = 1024UL * 1024};
                    return ::prlimit(pid, RLIMIT_FSIZE, &limit, nullptr) == 0;
                },
                [](pid_t pid) {
                    const rlimit limit{.rlim_cur = 1UL, .rlim_max = 1024UL * 1024};
                    return ::prlimit(pid, RLIMIT_FSIZE, &limit, nullptr) == 0;
                }},
        scheduling("Batch", SCHED_BATCH, 0, SCHED_OTHER), scheduling("Idle", SCHED_IDLE, 0, SCHED_OTHER),
        scheduling("Fifo", SCHED_FIFO, 5, SCHED_OTHER),
        scheduling("ResetOnFork", SCHED_OTHER | SCHED_RESET_ON_FORK, 0, SCHED_OTHER),
        proc_file("timerslack_ns", "123000", "50000"), proc_file("coredump_filter", "0x7f", "0x33"),
        proc_file("oom_score_adj", "300", "500"), proc_file("autogroup", "5", "0")),
    [](const auto& instance) { return std::string(instance.param.name); });

TEST_F(Attributes, OfAChildAreInherited) {
    EXPECT_TRUE(comes_back_by_itself(read().at(0), inherited_attributes(procfs_)));
}

TEST_F(Attributes, AreNotInheritedWhereCriuCouldNotSetALimit) {
    ProcessAttributes inherited = inherited_attributes(procfs_);
    ASSERT_EQ(inherited.limits.size(), 2U * RLIM_NLIMITS);
    inherited.limits[2 * RLIMIT_NPROC + 1] = 1;
    EXPECT_FALSE(comes_back_by_itself(read().at(0), inherited));
    inherited.limits.clear();
    EXPECT_FALSE(comes_back_by_itself(read().at(0), inherited)) << "not known";
}

TEST_F(Attributes, AreNotInheritedWhereTheyAreUnusual) {
    const ProcessAttributes inherited = inherited_attributes(procfs_);
    ProcessAttributes wanted = read().at(0);
    wanted.exclusive_terminals = {0};
    EXPECT_FALSE(comes_back_by_itself(wanted, inherited));
    wanted = read().at(0);
    wanted.hung_up_masters = {0};
    EXPECT_FALSE(comes_back_by_itself(wanted, inherited));
    wanted = read().at(0);
    wanted.personality ^= 1;
    EXPECT_FALSE(comes_back_by_itself(wanted, inherited));
    wanted.threads.clear();
    EXPECT_FALSE(comes_back_by_itself(wanted, inherited)) << "not known";
}

// Limits, which CRIU sets itself, and the affinity that is none, apart.
TEST_P(EachAttribute, IsNotInheritedIfItIsAnother) {
    const ProcessAttributes inherited = inherited_attributes(procfs_);
    const ProcessAttributes as_inherited = read().at(0);
    if (!GetParam().before(child_.pid()))
        GTEST_SKIP() << "not permitted here";
    const ProcessAttributes wanted = read().at(0);
    const bool is_other =
        wanted.threads != as_inherited.threads || wanted.coredump_filter != as_inherited.coredump_filter ||
        wanted.oom_score_adj != as_inherited.oom_score_adj || wanted.autogroup_nice != as_inherited.autogroup_nice;
    EXPECT_EQ(comes_back_by_itself(wanted, inherited), !is_other);
}

TEST_P(EachAttribute, IsPutBackAsItWas) {
    if (!GetParam().before(child_.pid()))
        GTEST_SKIP() << "not permitted here";
    const auto before = read();
    ASSERT_TRUE(GetParam().after(child_.pid()));
    ASSERT_NE(read(), before);
    EXPECT_EQ(put_back(before), std::vector<std::string>());
    EXPECT_EQ(read(), before);
}

TEST_F(Attributes, OfEveryCpuAreNoLimit) {
    EXPECT_EQ(read().at(0).threads.at(0).cpus, "");
    ASSERT_TRUE(set_affinity(child_.pid(), parse_cpu_list("0").value()));
    EXPECT_EQ(read().at(0).threads.at(0).cpus, "0");
}

TEST_F(Attributes, OfCpusThatAreNotHereArePutBackInPart) {
    auto wanted = read();
    wanted.at(0).threads.at(0).cpus = "0,4000";
    const auto lost = put_back(wanted);
    ASSERT_EQ(lost.size(), 1U);
    EXPECT_NE(lost[0].find("of the CPUs 0,4000 it has 0"), std::string::npos) << lost[0];
    EXPECT_EQ(cpu_list(affinity_of(child_.pid()).value()), "0");
}

TEST_F(Attributes, OfCpusOfWhichNoneIsHereAreTold) {
    auto wanted = read();
    const auto before = affinity_of(child_.pid());
    wanted.at(0).threads.at(0).cpus = "4000-4001";
    const auto lost = put_back(wanted);
    ASSERT_EQ(lost.size(), 1U);
    EXPECT_NE(lost[0].find("none of the CPUs 4000-4001 is here"), std::string::npos) << lost[0];
    EXPECT_EQ(affinity_of(child_.pid()), before);
}

TEST_F(Attributes, WithAHigherHardLimitAreToldAndAsNearAsMayBe) {
    if (may_raise_limits())
        GTEST_SKIP() << "with CAP_SYS_RESOURCE every limit can be put back";
    const auto wanted = read();
    const rlimit low{.rlim_cur = 10, .rlim_max = 4096};
    ASSERT_EQ(::prlimit(child_.pid(), RLIMIT_FSIZE, &low, nullptr), 0);
    const auto lost = put_back(wanted);
    ASSERT_EQ(lost.size(), 1U);
    EXPECT_NE(lost[0].find("the limit on the size of files (unlimited)"), std::string::npos) << lost[0];
    EXPECT_NE(lost[0].find("CAP_SYS_RESOURCE"), std::string::npos) << lost[0];
    rlimit now{};
    ASSERT_EQ(::prlimit(child_.pid(), RLIMIT_FSIZE, nullptr, &now), 0);
    EXPECT_EQ(now.rlim_cur, 4096U);
}

TEST_F(Attributes, OfAPersonalityThatItDoesNotHaveAreTold) {
    auto wanted = read();
    wanted.at(0).personality = ADDR_NO_RANDOMIZE;
    const auto lost = put_back(wanted);
    ASSERT_EQ(lost.size(), 1U);
    EXPECT_NE(lost[0].find("the personality (0x40000)"), std::string::npos) << lost[0];
}

TEST_F(Attributes, OfAnotherProcessAreLeftAlone) {
    auto wanted = read();
    wanted.at(0).pid += 1;
    wanted.at(0).oom_score_adj = 900;
    EXPECT_EQ(put_back(wanted), std::vector<std::string>());
    EXPECT_EQ(read().at(0).oom_score_adj, 0);
}

TEST(ExclusiveTerminals, AreReadAndPutBack) {
    const Forked child([] {
        ::setsid();
        const int master = ::posix_openpt(O_RDWR | O_NOCTTY);
        ::unlockpt(master);
        const int terminal = ::open(::ptsname(master), O_RDWR | O_NOCTTY);
        ::dup2(terminal, 101);
        ::ioctl(terminal, TIOCEXCL);
        ::close(terminal);
        const int other = ::posix_openpt(O_RDWR | O_NOCTTY);
        ::unlockpt(other);
        ::dup2(::open(::ptsname(other), O_RDWR | O_NOCTTY), 102);
    });
    const Procfs procfs;
    const testing::Look look(procfs, child.pid());
    std::vector<ProcessAttributes> attributes = read_attributes(procfs, look.tree);
    add_exclusive_terminals(attributes, look.holdings);
    ASSERT_EQ(attributes.size(), 1U);
    EXPECT_EQ(attributes[0].exclusive_terminals, std::vector<int>{101});
    attributes[0].exclusive_terminals = {102};
    EXPECT_EQ(put_attributes_back(procfs, look.tree, attributes), std::vector<std::string>());
    const UniqueFd terminal(
        static_cast<int>(::syscall(SYS_pidfd_getfd, look.tree.root().handle.pidfd().get(), 102, 0U)));
    int is_exclusive = 0;
    ASSERT_EQ(::ioctl(terminal.get(), TIOCGEXCL, &is_exclusive), 0);
    EXPECT_NE(is_exclusive, 0);
    attributes[0].exclusive_terminals = {999};
    EXPECT_EQ(put_attributes_back(procfs, look.tree, attributes).size(), 1U);
}

TEST(HungUpMasters, AreReadAndPutBack) {
    const Forked child([] {
        const auto open_one = [](int number) {
            const int master = ::posix_openpt(O_RDWR | O_NOCTTY);
            ::unlockpt(master);
            ::dup2(master, number);
            ::close(master);
            return ::open(::ptsname(number), O_RDWR | O_NOCTTY);
        };
        ::close(open_one(101));
        ::dup2(open_one(102), 103);
        const int unused = ::posix_openpt(O_RDWR | O_NOCTTY);
        ::unlockpt(unused);
        ::dup2(unused, 104);
        ::close(unused);
    });
    const Procfs procfs;
    const testing::Look look(procfs, child.pid());
    std::vector<ProcessAttributes> attributes = read_attributes(procfs, look.tree);
    add_hung_up_masters(attributes, look.holdings);
    ASSERT_EQ(attributes.size(), 1U);
    EXPECT_EQ(attributes[0].hung_up_masters, std::vector<int>{101});
    attributes[0].hung_up_masters = {104};
    EXPECT_EQ(put_attributes_back(procfs, look.tree, attributes), std::vector<std::string>());
    add_hung_up_masters(attributes, look.holdings);
    EXPECT_EQ(attributes[0].hung_up_masters, (std::vector<int>{104, 101, 104}));
    attributes[0].hung_up_masters = {999};
    EXPECT_EQ(put_attributes_back(procfs, look.tree, attributes).size(), 1U);
}

TEST(LocksOnFault, AreReadWithTheAttributes) {
    const Forked child([] {
        void* const memory = ::mmap(nullptr, 8UL * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        ::mlock2(memory, 8UL * 4096, MLOCK_ONFAULT);
    });
    const Procfs procfs;
    const testing::Look look(procfs, child.pid());
    const auto attributes = read_attributes(procfs, look.tree);
    ASSERT_EQ(attributes.size(), 1U);
    ASSERT_EQ(attributes[0].locked_on_fault.size(), 1U);
    EXPECT_EQ(attributes[0].locked_on_fault[0].end - attributes[0].locked_on_fault[0].start, 8U * 4096);
}

// The child of a child locks a file that it has inherited open.
TEST(PosixLocks, AreReadOfWhoHasTheFileInCommon) {
    const TempDir folder(std::filesystem::temp_directory_path(), "attributes-test");
    const UniqueFd file = open_file(folder.path() / "file", O_RDWR | O_CREAT, 0600);
    const UniqueFd alone = open_file(folder.path() / "alone", O_RDWR | O_CREAT, 0600);
    const auto lock = [&](const UniqueFd& one, off_t start, off_t length) {
        struct ::flock wanted {};
        wanted.l_type = F_WRLCK;
        wanted.l_start = start;
        wanted.l_len = length;
        testing::must(::fcntl(one.get(), F_SETLK, &wanted) == 0);
    };
    const testing::Forked child([&] {
        Pipe ready = make_pipe();
        testing::fork_that_stays([&] {
            lock(file, 100, 1);
            ::dup2(file.get(), 300);
            lock(alone, 0, 0);
            [[maybe_unused]] const ssize_t told = ::write(ready.write_end.get(), "r", 1);
        });
        ::close(alone.get());
        char byte = 0;
        [[maybe_unused]] const ssize_t got = ::read(ready.read_end.get(), &byte, 1);
    });
    const Procfs procfs;
    const testing::Look look(procfs, child.pid());
    std::vector<ProcessAttributes> attributes = read_attributes(procfs, look.tree);
    add_posix_locks(attributes, look.holdings);
    ASSERT_EQ(attributes.size(), 2U);
    EXPECT_TRUE(attributes[0].posix_locks.empty());
    EXPECT_EQ(attributes[1].posix_locks,
              (std::vector<PosixLock>{{.fd = file.get(), .exclusive = true, .start = 100, .length = 1}}));
}

} // namespace
} // namespace cedana
