// SPDX-License-Identifier: Apache-2.0
// What CRIU leaves out of its images and cedana puts back: what threads, processes and sockets are set to.
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/facts/attributes.hpp"
#include "cedana/facts/cpu_list.hpp"

#include <fstream>
#include <functional>
#include <optional>
#include <vector>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

#include <linux/capability.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/wait.hpp"
#include "system/system_fixture.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr int k_of_process = 1;
constexpr int k_idle_io = 3 << 13;

void write_to(const std::string& path, const std::string& text) {
    std::ofstream file(path);
    file << text << std::flush;
    ASSERT_TRUE(file.good()) << path;
}

class KeptSettings : public System {
  protected:
    void SetUp() override {
        System::SetUp();
        require_program("/usr/bin/python3", "python3");
        target.emplace(std::vector<std::string>{"/usr/bin/python3", script("settings.py"), ready});
        wait_for_file(ready);
        const std::vector<std::string> lines = split(read_file(ready), '\n');
        thread = static_cast<pid_t>(std::stoi(lines.at(0)));
        sockets = lines.at(1);
        set();
    }
    void set() const {
        const pid_t pid = target->pid();
        ASSERT_TRUE(set_affinity(pid, parse_cpu_list("0").value()));
        ASSERT_TRUE(set_affinity(thread, parse_cpu_list(k_cpu_of_thread).value()));
        ASSERT_EQ(::syscall(SYS_ioprio_set, k_of_process, thread, k_idle_io), 0);
        ASSERT_EQ(::setpriority(PRIO_PROCESS, static_cast<id_t>(thread), 5), 0);
        write_to(fmt::format("/proc/{}/timerslack_ns", thread), "777000");
        write_to(fmt::format("/proc/{}/coredump_filter", pid), "0x7f");
        write_to(fmt::format("/proc/{}/oom_score_adj", pid), "321");
        const rlimit limit{.rlim_cur = 12345678, .rlim_max = 123456789};
        ASSERT_EQ(::prlimit(pid, RLIMIT_FSIZE, &limit, nullptr), 0);
    }
    // Of the process with this root.
    [[nodiscard]] std::vector<ProcessAttributes> attributes_of(pid_t root) const {
        return read_attributes(procfs, read_frozen_tree(procfs, ProcessHandle::open(procfs, root)));
    }
    [[nodiscard]] std::string sockets_now() const {
        write_to(ready.string() + ".ask", "");
        wait_for_file(ready.string() + ".told");
        return std::string(trim(read_file(ready.string() + ".told")));
    }
    [[nodiscard]] CedanaRun restored(const fs::path& zip, const std::vector<std::string>& more) const {
        std::vector<std::string> arguments = {"client", "restore", zip};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return run_cedana(arguments, options);
    }

    static constexpr const char* k_cpu_of_thread = "0";
    const fs::path ready = scratch("ready");
    std::optional<Target> target;
    pid_t thread = 0;
    std::string sockets;
    Procfs procfs;
};

class EveryRestore : public KeptSettings, public ::testing::WithParamInterface<std::vector<std::string>> {};

INSTANTIATE_TEST_SUITE_P(Ways, EveryRestore,
                         ::testing::Values(std::vector<std::string>{}, std::vector<std::string>{"--lazy"}));

TEST_P(EveryRestore, PutsBackThreadsProcessesAndSockets) {
    const auto before = attributes_of(target->pid());
    const fs::path zip = dump_and_stop(*target);
    const CedanaRun run = restored(zip, GetParam());
    ASSERT_EQ(run.exit_code, 0) << run.err;
    EXPECT_FALSE(holds(run.err, "could not be put back")) << run.err;
    EXPECT_EQ(attributes_of(target->pid()), before);
    EXPECT_EQ(sockets_now(), sockets);
}

// CRIU starts no action script then, which takes a fork at each of five stages.
class InheritedSettings : public System, public ::testing::WithParamInterface<bool> {};

INSTANTIATE_TEST_SUITE_P(With, InheritedSettings, ::testing::Bool(),
                         [](const auto& limits) { return limits.param ? "ALimitOfFiles" : "Nothing"; });

TEST_P(InheritedSettings, HoldUpARestoreOnlyIfTheyAreOthers) {
    const Procfs procfs;
    Target program({"/usr/bin/sleep", "600"});
    const rlimit limit{.rlim_cur = 12345678, .rlim_max = 123456789};
    if (GetParam()) {
        ASSERT_EQ(::prlimit(program.pid(), RLIMIT_FSIZE, &limit, nullptr), 0);
    }
    const auto attributes = [&] {
        return read_attributes(procfs, read_frozen_tree(procfs, ProcessHandle::open(procfs, program.pid())));
    };
    const auto before = attributes();
    const fs::path zip = dump_and_stop(program);
    const CedanaRun run = run_cedana({"client", "restore", zip, "--verbose"}, options);
    ASSERT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(holds(run.err, "let go by criu itself"), !GetParam()) << run.err;
    EXPECT_EQ(attributes(), before);
}

TEST_F(KeptSettings, OfACopyBesideTheOriginalAreItsToo) {
    const auto before = attributes_of(target->pid());
    const CedanaRun dumped = dump(target->pid(), {"--leave-running"});
    ASSERT_EQ(dumped.exit_code, 0) << dumped.err;
    target->end();
    const CedanaRun run = restored(only_line(dumped.out), {"--new-pidns"});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    const auto copy = static_cast<pid_t>(std::stoi(run.out));
    EXPECT_EQ(attributes_of(copy), before);
    EXPECT_EQ(sockets_now(), sockets);
    ASSERT_EQ(::kill(copy, SIGKILL), 0);
    reap_all();
}

// What the shell that restores it is limited to is not the tree's.
TEST_F(KeptSettings, AreNotThoseOfWhoRestores) {
    ASSERT_TRUE(set_affinity(target->pid(), every_cpu()));
    const auto before = attributes_of(target->pid());
    const fs::path zip = dump_and_stop(*target);
    const CpuSet own = affinity_of(0).value();
    ASSERT_TRUE(set_affinity(0, parse_cpu_list("0").value()));
    ASSERT_EQ(::syscall(SYS_ioprio_set, k_of_process, 0, k_idle_io), 0);
    const CedanaRun run = restored(zip, {});
    ::syscall(SYS_ioprio_set, k_of_process, 0, 0);
    set_affinity(0, own);
    ASSERT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(attributes_of(target->pid()), before);
}

TEST_F(KeptSettings, AreToldWhereTheyCannotBePutBack) {
    if (procfs.status(::getpid())->has_capability(CAP_SYS_RESOURCE))
        GTEST_SKIP() << "with CAP_SYS_RESOURCE every limit can be put back";
    const fs::path zip = dump_and_stop(*target);
    // In blocks of 512 bytes.
    write_script(scratch("limited"), "#!/bin/sh\nulimit -f 200000\nexec " + cedana_executable().string() + " \"$@\"\n");
    options.executable = scratch("limited");
    const CedanaRun run = restored(zip, {});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(holds(run.err, "the limit on the size of files (123456789) of process " + target->pid_text()))
        << run.err;
    EXPECT_TRUE(holds(run.err, "CAP_SYS_RESOURCE"));
    rlimit now{};
    ASSERT_EQ(::prlimit(target->pid(), RLIMIT_FSIZE, nullptr, &now), 0);
    EXPECT_EQ(now.rlim_cur, 12345678U);
}

class Personality : public System {};

TEST_F(Personality, WithoutRandomAddressesComesBackSo) {
    const int before = ::personality(0xffffffff);
    ::personality(static_cast<unsigned long>(before) | ADDR_NO_RANDOMIZE);
    Target target({target_program("counter"), scratch("count"), "1"});
    ::personality(static_cast<unsigned long>(before));
    wait_for_file(scratch("count"));
    const std::string seen = read_file(fmt::format("/proc/{}/personality", target.pid()));
    ASSERT_EQ(std::string(trim(seen)), "00040000");
    restore_as(target.pid(), dump_and_stop(target));
    EXPECT_EQ(read_file(fmt::format("/proc/{}/personality", target.pid())), seen);
}

class Sandbox : public System {};

TEST_F(Sandbox, OfFiltersAndNoNewPrivilegesComesBack) {
    require_program("/usr/bin/python3", "python3");
    // SECCOMP_RET_ALLOW for all.
    Target target({"/usr/bin/python3", "-c",
                   "import ctypes, sys, threading, struct\n"
                   "libc = ctypes.CDLL(None)\n"
                   "libc.prctl(38, 1, 0, 0, 0)\n"
                   "rule = ctypes.create_string_buffer(struct.pack('HBBI', 6, 0, 0, 0x7fff0000), 8)\n"
                   "class Program(ctypes.Structure):\n"
                   "    _fields_ = [('length', ctypes.c_ushort), ('rules', ctypes.c_void_p)]\n"
                   "assert libc.prctl(22, 2, ctypes.byref(Program(1, ctypes.addressof(rule))), 0, 0) == 0\n"
                   "open(sys.argv[1], 'w').close()\n"
                   "threading.Event().wait()\n",
                   scratch("ready")});
    wait_for_file(scratch("ready"));
    const auto line_of = [&](const std::string& key) {
        for (const std::string& line : split(read_file(fmt::format("/proc/{}/status", target.pid())), '\n'))
            if (line.starts_with(key))
                return line;
        return std::string();
    };
    ASSERT_EQ(line_of("Seccomp:"), "Seccomp:\t2");
    ASSERT_EQ(line_of("NoNewPrivs:"), "NoNewPrivs:\t1");
    restore_as(target.pid(), dump_and_stop(target));
    EXPECT_EQ(line_of("Seccomp:"), "Seccomp:\t2");
    EXPECT_EQ(line_of("NoNewPrivs:"), "NoNewPrivs:\t1");
}

TEST_F(Sandbox, ThatWouldBeGoneIsGivenUpKnowingly) {
    constexpr long k_mseal = 462;
    if (::syscall(k_mseal, 0UL, 0UL, 0UL) != 0)
        GTEST_SKIP() << "no mseal here (Linux 6.10)";
    require_program("/usr/bin/python3", "python3");
    Target target({"/usr/bin/python3", "-c",
                   "import ctypes, mmap, sys, threading\n"
                   "memory = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)\n"
                   "address = ctypes.addressof(ctypes.c_char.from_buffer(memory))\n"
                   "assert ctypes.CDLL(None).syscall(462, ctypes.c_void_p(address), 4096, 0) == 0\n"
                   "open(sys.argv[1], 'w').close()\n"
                   "threading.Event().wait()\n",
                   scratch("ready")});
    wait_for_file(scratch("ready"));
    const CedanaRun refused = dump(target.pid(), {"--stop"});
    EXPECT_EQ(refused.exit_code, 6) << refused.err;
    EXPECT_TRUE(target.runs());
    const CedanaRun run = dump(target.pid(), {"--stop", "--without-sandbox", "--json"});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    const Json json = Json::parse(run.out);
    ASSERT_EQ(json.at("sandbox_lost").size(), 1U);
    EXPECT_TRUE(holds(json.at("sandbox_lost").at(0), "has sealed 1 of its mappings"));
    target.wait_end();
    restore_as(target.pid(), json.at("checkpoint").get<std::string>());
}

} // namespace
} // namespace cedana::testing
