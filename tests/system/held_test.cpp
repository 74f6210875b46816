// SPDX-License-Identifier: Apache-2.0
// A tree that stands still, and what could hold it there: who stops cedana or does not read from it, file systems that
// do not answer. And what a dump itself could do to a tree: leases that it breaks, memory for which there is no room.
#include "cedana/base/files.hpp"
#include "cedana/base/leases.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <fstream>
#include <functional>
#include <thread>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/wait.hpp"
#include "system/moments.hpp"
#include "system/step_log.hpp"
#include "system/system_fixture.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;

char state_of(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string stat;
    std::getline(file, stat);
    const std::size_t end = stat.rfind(") ");
    return end == std::string::npos ? '\0' : stat.at(end + 2);
}

// Throws nothing: the assertion that follows says what is wrong.
void wait_until(const std::function<bool()>& holds) {
    const auto end = std::chrono::steady_clock::now() + k_wait_limit;
    while (!holds() && std::chrono::steady_clock::now() < end)
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
}

class HeldTree : public System {
  protected:
    void SetUp() override {
        System::SetUp();
        // The kernel stops nobody in a group to which no parent outside of it belongs (setpgid(2)).
        ::setpgid(0, 0);
        wait_for_more_lines(log, k_steps);
    }
    // Frozen by then.
    RunningCedana begin_dump(const std::vector<std::string>& more) {
        std::vector<std::string> arguments = dump_arguments(target.pid(), more);
        arguments.emplace_back(k_tell_all);
        RunningCedana cedana(arguments, options, folder());
        wait_for_dump_log(cedana.pid(), k_amid_the_pages);
        return cedana;
    }
    void expect_undisturbed() {
        EXPECT_TRUE(count_on_from(1, wait_for_more_lines(log, k_steps)));
        EXPECT_TRUE(target.runs());
    }

    const fs::path log = scratch("count");
    Target target{{target_program("counter"), log, "300"}};
};

class StoppedCedana : public HeldTree, public ::testing::WithParamInterface<int> {};

TEST_P(StoppedCedana, StopsOnceTheTreeRuns) {
    RunningCedana cedana = begin_dump({});
    cedana.signal(GetParam());
    expect_undisturbed();
    wait_until([&] { return state_of(cedana.pid()) == 'T'; });
    EXPECT_EQ(state_of(cedana.pid()), 'T');
    cedana.signal(SIGCONT);
    const CedanaRun run = cedana.wait();
    EXPECT_EQ(run.exit_code, 0) << run.err;
}

INSTANTIATE_TEST_SUITE_P(By, StoppedCedana, ::testing::Values(SIGTSTP, SIGTTIN, SIGTTOU));

// Of images that are files: CRIU itself would wait for ever then.
TEST_F(HeldTree, RunsOnWhenCedanaIsStoppedForGood) {
    options.environment["CEDANA_DUMP_FOLDER_MIB"] = "1024";
    RunningCedana cedana = begin_dump({"--stop"});
    // It asks at post-dump, and hears nothing.
    wait_for_dump_log(cedana.pid(), "Writing image inventory");
    cedana.signal(SIGSTOP);
    expect_undisturbed();
    EXPECT_EQ(state_of(cedana.pid()), 'T');
    cedana.signal(SIGCONT);
    const CedanaRun run = cedana.wait();
    EXPECT_EQ(run.exit_code, 6) << run.err;
    EXPECT_EQ(names_in(store()), std::vector<std::string>());
}

TEST_F(HeldTree, RunsOnWhenWhatAnswersCriuIsKilled) {
    options.environment["CEDANA_DUMP_FOLDER_MIB"] = "1024";
    RunningCedana cedana = begin_dump({"--stop"});
    const std::vector<pid_t> children = children_of(cedana.pid());
    const auto answerer = std::ranges::find_if(
        children, [](pid_t child) { return read_file(fmt::format("/proc/{}/comm", child)) == "cedana-action\n"; });
    ASSERT_NE(answerer, children.end());
    ::kill(*answerer, SIGKILL);
    const CedanaRun run = cedana.wait();
    EXPECT_EQ(run.exit_code, 6) << run.err;
    EXPECT_TRUE(holds(run.err, "runs on"));
    expect_undisturbed();
    EXPECT_EQ(names_in(store()), std::vector<std::string>());
}

// A pipe that is full already, and that nobody reads.
class UnreadCedana : public HeldTree, public ::testing::WithParamInterface<const char*> {};

TEST_P(UnreadCedana, HoldsNoTree) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    const UniqueFd reader(ends[0]);
    UniqueFd writer(ends[1]);
    std::vector<std::string> argv = {cedana_executable().string(), GetParam()};
    if (argv.back() == "--progress")
        argv.emplace_back("json");
    for (const std::string& word : dump_arguments(target.pid(), {k_tell_all}))
        argv.push_back(word);
    ChildProcess cedana = ChildProcess::spawn(
        {.argv = argv,
         .fds = {{writer.get(), 2}},
         .env = std::vector<std::string>{"HOME=" + options.home.string(), "PATH=" + std::string(std::getenv("PATH"))}});
    wait_for_dump_log(cedana.pid(), k_amid_the_pages);
    ::fcntl(writer.get(), F_SETFL, O_NONBLOCK);
    const std::string filling(512, 'x');
    while (::write(writer.get(), filling.data(), filling.size()) > 0) {}
    // Of the one description that cedana has too.
    ::fcntl(writer.get(), F_SETFL, 0);
    expect_undisturbed();
    writer.reset();
    std::array<char, 65536> bytes{};
    while (::read(reader.get(), bytes.data(), bytes.size()) > 0) {}
    EXPECT_TRUE(cedana.wait().success());
}

INSTANTIATE_TEST_SUITE_P(With, UnreadCedana, ::testing::Values("-v", "--progress"));

// A file system that can stop to answer.
class HungFiles : public HeldTree {
  protected:
    void SetUp() override {
        HeldTree::SetUp();
        fs::create_directory(mounted);
        options.environment["CEDANA_DUMP_FREEZE_LIMIT"] = "3";
    }
    void TearDown() override {
        if (server)
            server->signal(SIGUSR2);
        HeldTree::TearDown();
    }
    void mount(const std::vector<std::string>& operations) {
        std::vector<std::string> argv = {target_program("hanging_files"), mounted.string()};
        argv.insert(argv.end(), operations.begin(), operations.end());
        server.emplace(ChildProcess::spawn({.argv = argv}));
        wait_until([&] { return is_there() || !server->running() || server->wait_for(std::chrono::milliseconds(0)); });
        if (!is_there())
            cannot_run("no file system of FUSE can be mounted");
    }
    [[nodiscard]] bool is_there() const {
        struct ::stat here {};
        struct ::stat above {};
        return ::stat(mounted.c_str(), &here) == 0 && ::stat(folder().c_str(), &above) == 0 &&
               here.st_dev != above.st_dev;
    }
    void hang() const { server->signal(SIGUSR1); }

    const fs::path mounted = scratch("mounted");
    std::optional<ChildProcess> server;
};

TEST_F(HungFiles, ThatTheTreeWritesToFailTheDump) {
    mount({"read"});
    const fs::path file = mounted / "file";
    std::ofstream(file) << std::string(100'000, 'x');
    Target writer({"sh", "-c", "exec 7<>\"$0\"; while sleep 0.1; do echo >>\"$1\"; done", file, scratch("steps")});
    wait_for_more_lines(scratch("steps"), 1);
    hang();
    for (const char* const after : {"--leave-running", "--stop"}) {
        const CedanaRun run = dump(writer.pid(), {after});
        EXPECT_EQ(run.exit_code, 9) << run.err;
        EXPECT_TRUE(holds(run.err, "has not answered for 3.0 s"));
        EXPECT_TRUE(holds(run.err, "runs on"));
        wait_for_more_lines(scratch("steps"), 3);
    }
    EXPECT_EQ(names_in(store()), std::vector<std::string>());
}

TEST_F(HungFiles, OfTheStoreLetTheTreeRunOn) {
    mount({"fsync", "write"});
    hang();
    RunningCedana cedana({"client", "dump", "-p", target.pid_text(), "-d", mounted, "--stop", k_tell_all}, options,
                         folder());
    wait_for_dump_log(cedana.pid(), k_amid_the_pages);
    expect_undisturbed();
    server->signal(SIGUSR2);
    const CedanaRun run = cedana.wait();
    EXPECT_EQ(run.exit_code, 9) << run.err;
    EXPECT_TRUE(holds(run.err, "runs on"));
}

TEST_F(HungFiles, OfTheStoreLetTheTreeRunOnWhenCedanaIsKilled) {
    options.environment["CEDANA_DUMP_FREEZE_LIMIT"] = "600";
    mount({"fsync", "write"});
    hang();
    RunningCedana cedana({"client", "dump", "-p", target.pid_text(), "-d", mounted, "--stop", k_tell_all}, options,
                         folder());
    wait_for_dump_log(cedana.pid(), "Writing image inventory");
    cedana.signal(SIGKILL);
    expect_undisturbed();
    server->signal(SIGUSR2);
    EXPECT_EQ(cedana.wait().exit_code, -1);
    reap_all_but(target.pid());
}

constexpr const char* k_lease_holder = "import fcntl,sys,time\n"
                                       "f=open(sys.argv[1],'r+')\n"
                                       "fcntl.fcntl(f,fcntl.F_SETLEASE,fcntl.F_WRLCK)\n"
                                       "while True:\n"
                                       "    open(sys.argv[2],'a').write('\\n')\n"
                                       "    time.sleep(0.05)\n";

class LeaseHolder : public System {
  protected:
    void SetUp() override {
        System::SetUp();
        require_program("/usr/bin/python3", "python3");
        std::ofstream(file) << "content";
        target.emplace(std::vector<std::string>{"/usr/bin/python3", "-c", k_lease_holder, file, steps});
        wait_for_more_lines(steps, 1);
    }

    const fs::path file = scratch("leased");
    const fs::path steps = scratch("steps");
    std::optional<Target> target;
};

TEST_F(LeaseHolder, IsNotDisturbedByADump) {
    const CedanaRun run = dump(target->pid());
    EXPECT_EQ(run.exit_code, 0) << run.err;
    wait_for_more_lines(steps, 3);
    EXPECT_TRUE(target->runs());
    struct ::stat info {};
    ASSERT_EQ(::stat(file.c_str(), &info), 0);
    EXPECT_TRUE(lease_broken_by_reading(read_leases(), info));
}

TEST_F(LeaseHolder, ComesBackWithItsFileAndItsLease) {
    const pid_t pid = target->pid();
    const fs::path zip = dump_and_stop(*target);
    std::ofstream(file) << "changed";
    restore_as(pid, zip);
    const Orphan restored(pid);
    wait_for_more_lines(steps, 3);
    struct ::stat info {};
    ASSERT_EQ(::stat(file.c_str(), &info), 0);
    EXPECT_TRUE(lease_broken_by_reading(read_leases(), info));
    ::kill(pid, SIGKILL);
    reap_all();
    std::string content;
    std::getline(std::ifstream(file), content);
    EXPECT_EQ(content, "content");
}

// It ends of what a dump does to its call.
TEST_F(System, ThatEndsOfADumpThatLeftItRunningIsTold) {
    Target target({"tail", "-f", scratch("file")});
    std::ofstream(scratch("file")) << "line\n";
    // Its memory takes longer to be written than it takes to end.
    Target waiting({"python3", "-c",
                    "import ctypes,os,sys\n"
                    "memory = os.urandom(64 << 20)\n"
                    "open(sys.argv[1],'w').write('\\n')\n"
                    "os._exit(3 if ctypes.CDLL(None).poll(None,0,-1) < 0 else 0)",
                    scratch("waits")});
    wait_for_more_lines(scratch("waits"), 1);
    wait_until([&] {
        std::ifstream call(fmt::format("/proc/{}/syscall", waiting.pid()));
        int number = -1;
        return call >> number && number == SYS_poll;
    });
    const CedanaRun run = dump(waiting.pid());
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(holds(run.err, "ended while it was dumped or just after"));
}

} // namespace
} // namespace cedana::testing
