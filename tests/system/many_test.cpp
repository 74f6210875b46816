// SPDX-License-Identifier: Apache-2.0
// Trees of many processes under the usual limit of descriptors, and under one that is too low.
#include "cedana/base/files.hpp"
#include "cedana/base/units.hpp"
#include "cedana/checkpoint/reader.hpp"
#include "cedana/undo/network_lock.hpp"

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "support/tmpfs.hpp"
#include "system/step_log.hpp"
#include "system/system_fixture.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;

class Many : public System {
  protected:
    // A shell that sets the limits first: "-Sn 1024".
    [[nodiscard]] CedanaRun with_limits(const std::string& limits, const std::vector<std::string>& arguments) const {
        RunOptions in_shell = options;
        in_shell.executable = "/bin/sh";
        in_shell.limit = 4 * k_wait_limit;
        std::string command = "ulimit " + limits + " && exec " + cedana_executable().string();
        for (const std::string& argument : arguments)
            command += " '" + argument + "'";
        return run_cedana({"-c", command}, in_shell);
    }
    static void expect_that_all_answer(pid_t pid, const fs::path& log) {
        const std::size_t before = lines_of(log).size();
        ASSERT_EQ(::kill(pid, SIGUSR1), 0);
        EXPECT_EQ(wait_for_lines(log, before + 1).back(), "all right");
    }
    [[nodiscard]] std::vector<std::string> many(std::size_t processes) const {
        return {target_program("many"), log, std::to_string(processes)};
    }

    const fs::path log = scratch("answers");
};

TEST_F(Many, ProcessesAreDumpedAndRestoredUnderTheUsualLimitOfDescriptors) {
    const std::size_t processes = is_thorough() ? 2000 : 1100;
    Target target(many(processes));
    wait_for_lines(log, 1);
    const CedanaRun dumped = with_limits("-Sn 1024", dump_arguments(target.pid(), {"--stop"}));
    ASSERT_EQ(dumped.exit_code, 0) << dumped.err;
    target.wait_end();
    reap_all();
    const fs::path zip = only_line(dumped.out);
    EXPECT_EQ(Checkpoint(zip, Keyring()).manifest().tree.size(), processes);
    const CedanaRun restored = with_limits("-Sn 1024", {"client", "restore", zip});
    ASSERT_EQ(restored.exit_code, 0) << restored.err;
    expect_that_all_answer(target.pid(), log);
}

TEST_F(Many, ProcessesAreRefusedBeforeTheFreezeWhereTheHardLimitIsTooLow) {
    const Target target(many(200));
    wait_for_lines(log, 1);
    const CedanaRun run = with_limits("-n 256", dump_arguments(target.pid()));
    EXPECT_EQ(run.exit_code, 5) << run.err;
    EXPECT_TRUE(holds(run.err, "with 200 processes, needs room for")) << run.err;
    EXPECT_TRUE(holds(run.err, "ulimit -Hn")) << run.err;
    expect_that_all_answer(target.pid(), log);
}

TEST_F(Many, ProcessesAreNotRestoredWhereTheHardLimitIsTooLow) {
    Target target(many(200));
    wait_for_lines(log, 1);
    const fs::path zip = dump_and_stop(target);
    const CedanaRun run = with_limits("-n 256", {"client", "restore", zip});
    EXPECT_EQ(run.exit_code, 5) << run.err;
    EXPECT_TRUE(holds(run.err, "with 200 processes, needs room for")) << run.err;
    EXPECT_TRUE(own_children().empty());
}

// CRIU has two descriptors of each open while it holds back the packets: more than select(2) takes.
TEST_F(Many, ConnectionsAreDumpedAndRestored) {
    require_program("/usr/bin/python3", "python3");
    Target target({"/usr/bin/python3", "-c",
                   "import signal, socket, sys\n"
                   "l = socket.socket(); l.bind(('127.0.0.1', 0)); l.listen(8)\n"
                   "ends = []\n"
                   "for n in range(300):\n"
                   "    c = socket.create_connection(l.getsockname()); ends.append((c, l.accept()[0]))\n"
                   "log = open(sys.argv[1], 'a')\n"
                   "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])\n"
                   "print('begun', file=log, flush=True)\n"
                   "while signal.sigwait([signal.SIGUSR1]):\n"
                   "    for a, b in ends: a.send(b'x')\n"
                   "    right = all(b.recv(1) == b'x' for a, b in ends)\n"
                   "    print('all right' if right else 'wrong', file=log, flush=True)\n",
                   log.string()});
    wait_for_lines(log, 1);
    expect_that_all_answer(target.pid(), log);
    // By a script, as some have CRIU.
    write_script(scratch("criu"), "#!/bin/sh\nexec criu \"$@\"\n");
    options.environment["CEDANA_CRIU_PATH"] = scratch("criu");
    const fs::path zip = dump_and_stop(target);
    const std::string table = Checkpoint(zip, Keyring()).manifest().network_lock_table;
    EXPECT_EQ(std::ranges::count(criu::network_locks(), table), 1) << table;
    restore_as(target.pid(), zip);
    expect_that_all_answer(target.pid(), log);
    EXPECT_EQ(std::ranges::count(criu::network_locks(), table), 0) << table;
}

// The "Max open files" line of proc_pid_limits(5).
std::string descriptor_limits_of(pid_t pid) {
    const std::string limits = read_file("/proc/" + std::to_string(pid) + "/limits");
    const std::size_t start = limits.find("Max open files");
    return limits.substr(start, limits.find('\n', start) - start);
}

using OneProcess = Many;

TEST_F(OneProcess, IsDumpedWhereFewDescriptorsAreAllowed) {
    const Target target(many(1));
    wait_for_lines(log, 1);
    const CedanaRun run = with_limits("-n 256", dump_arguments(target.pid()));
    EXPECT_EQ(run.exit_code, 0) << run.err;
}

TEST_F(OneProcess, ComesBackWithTheLimitOfDescriptorsThatItHad) {
    Target target({"/bin/sh", "-c",
                   "ulimit -Sn 777 && ulimit -Hn 1500 && exec " + target_program("many") + " " + log.string() + " 1"});
    wait_for_lines(log, 1);
    const std::string before = descriptor_limits_of(target.pid());
    const fs::path zip = dump_and_stop(target);
    restore_as(target.pid(), zip);
    EXPECT_EQ(descriptor_limits_of(target.pid()), before);
}

// tests/programs/shared: 2 MiB are each process's own, and 32 MiB of them all.
class SharedByMany : public System {
  protected:
    static constexpr std::size_t k_processes = 16;

    void SetUp() override {
        System::SetUp();
        wait_for_lines(log, k_processes);
    }

    const fs::path log = scratch("answers");
    Target target{{target_program("shared"), log, std::to_string(k_processes)}};
};

TEST_F(SharedByMany, MemoryIsExpectedOnceInTheImages) {
    const CedanaRun planned = dump(target.pid(), {"--dry-run", "--json"});
    ASSERT_EQ(planned.exit_code, 0) << planned.err;
    const auto plan = nlohmann::json::parse(only_line(planned.out));
    const CedanaRun dumped = dump(target.pid(), {"--json"});
    ASSERT_EQ(dumped.exit_code, 0) << dumped.err;
    const auto written = nlohmann::json::parse(only_line(dumped.out)).at("bytes_images").get<std::uint64_t>();
    const auto expected = plan.at("bytes_images").get<std::uint64_t>();
    EXPECT_GE(expected, written - written / 10);
    EXPECT_LE(expected, written + written / 10);
}

TEST_F(SharedByMany, MemoryNeedsRoomOnce) {
    Tmpfs small;
    ASSERT_TRUE(small.mount(store(), 112 * k_mib));
    const CedanaRun run = dump(target.pid());
    EXPECT_EQ(run.exit_code, 0) << run.err;
}

} // namespace
} // namespace cedana::testing
