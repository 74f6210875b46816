// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/files.hpp"
#include "cedana/criu/diagnose.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace cedana::criu {
namespace {

constexpr const char* k_noise_first =
    "(00.000123) Error (criu/util.c:1534): rlimit: Can't setup RLIMIT_NOFILE for self: Operation not permitted\n";
constexpr const char* k_noise_last = "(00.093434) Error (criu/cr-dump.c:2128): Dumping FAILED.\n";

std::string log_with(const std::string& line) {
    return k_noise_first + std::string("(00.05) Some information\n(00.06) Error (criu/x.c:1): ") + line + "\n" +
           k_noise_last;
}

struct LogCase {
    std::string line;
    std::string in_cause;
    std::string in_hint;
};
class KnownFailure : public ::testing::TestWithParam<LogCase> {};
TEST_P(KnownFailure, HasACauseThatQuotesCriu) {
    const Diagnosis diagnosis = diagnose(log_with(GetParam().line));
    EXPECT_NE(diagnosis.cause.find(GetParam().in_cause), std::string::npos) << diagnosis.cause;
    EXPECT_NE(diagnosis.cause.find(GetParam().line), std::string::npos) << diagnosis.cause;
}
TEST_P(KnownFailure, HasARemedy) {
    const Diagnosis diagnosis = diagnose(log_with(GetParam().line));
    EXPECT_NE(diagnosis.hint.find(GetParam().in_hint), std::string::npos) << diagnosis.hint;
}
// Exact texts of failures that could not be produced where the fixtures were taken.
INSTANTIATE_TEST_SUITE_P(
    Texts, KnownFailure,
    ::testing::Values(
        LogCase{"tty: Found dangling tty with sid 7 pgid 7 (pts) on peer fd 0.", "terminal", "--shell-job"},
        LogCase{"tty: No CTL for TTY dump, likely SCM case", "through a unix socket", "receive it first"},
        LogCase{"Pid 77 do not match expected 76", "taken during the restore", "try again"},
        LogCase{"Unexpected 301 task interruption, aborting", "while CRIU was at work in it", "try again"},
        LogCase{"Can't link remap to /dev/shm/sem.a: File exists", "another checkpoint", "restore that one first"},
        LogCase{"Can't open exe link", "program is not there", "install the program"},
        LogCase{"inet: Can't bind inet socket (id 28): Address already in use", "port that it had is taken",
                "ss -lntup"},
        LogCase{"inet: Can't listen on a socket: Address already in use", "listened at is taken", "ss -lntup"},
        LogCase{"Can't bind inet socket back: Cannot assign requested address", "not this host's", "--tcp-close"},
        LogCase{"Can't connect inet socket back: Cannot assign requested address", "there already", "end that process"},
        LogCase{"unix: Can't bind id 0x24 ino 5 addr /run/a: Address already in use", "unix socket", "ss -lxp"},
        LogCase{"Can not set ofd lock!", "held by another process", "lslocks"},
        LogCase{"Can't set lease: Resource temporarily unavailable", "has a file open", "fuser"},
        LogCase{"Need to set the --tcp-close options.", "dumped with --tcp-close", "--criu-arg=--tcp-close"},
        LogCase{"unix: Can't dump half of stream unix connection. name: x; peer name: y", "outside of the tree",
                "client.signal_process_pre_dump"},
        LogCase{"unix: External socket found in image. Consider using the --ext-unix-sk option to allow restoring it.",
                "outside of the tree", "--ext-unix-sk"},
        LogCase{"unix: Unix socket 5 with unreachable peer 6 (7)", "without a name", "close it first"},
        LogCase{"unix: Dangling connection 5", "other end", "close it first"},
        LogCase{"mnt: 29:./mnt doesn't have a proper root mount", "not mounted whole", "--external"},
        LogCase{
            "mnt: Mount 5 ./mnt (master_id: 1 shared_id: 2) has unreachable sharing. Try --enable-external-masters.",
            "shared with one outside", "--make-rprivate"},
        LogCase{"pagemap-cache: pmc_init: Can't allocate 17179607040 bytes", "reserved more addresses",
                "innodb_buffer_pool_size_max"},
        LogCase{"Fail to make dir /tmp/.criu.move_mount_set_group.NvEgdm: Read-only file system", "write to /tmp",
                "PrivateTmp=yes"},
        LogCase{"Open files on overmounted mounts are not supported yet; mount=5 fd=3 path=/x", "another one covers",
                "unmount"},
        LogCase{"Unable to freeze cgroup /x (100 x 100ms attempts, timeout: 10s)", "frozen in time", "--timeout"},
        LogCase{"Unknown shit 600 (anon_inode:[io_uring])", "io_uring", "UV_USE_IO_URING"},
        LogCase{"remote mmap() failed: Cannot allocate memory", "RLIMIT_AS", "prlimit"},
        LogCase{"Can't create memfd in victim: Too many open files", "all descriptors", "--nofile"},
        LogCase{"Unable to reserve memory (136889260584960 bytes): Cannot allocate memory", "ThreadSanitizer",
                "without what reserves it"},
        LogCase{"Cannot apply seals on memfd: Device or resource busy", "sealed against writing", "MAP_PRIVATE"},
        LogCase{"No entry for reg-file-ID 0x1", "started from memory", "from a file"},
        LogCase{"sfd: Can't chose service_fd_base: 19968 20031", "close to the limit", "ulimit -Hn"},
        LogCase{"Inconsistent sched params received (6.0.0)", "SCHED_DEADLINE", "chrt --other"},
        LogCase{"mnt: BUG at criu/mount.c:48", "mount namespace of its own", "--root"},
        LogCase{"OOM storing pipe", "1,024 pipes", "close it first"},
        LogCase{"pidfd: pidfd pid 1 is not a part of process tree..", "pidfd of a process", "close it first"},
        LogCase{"Zombies with threads are not supported", "pthread_exit", "pthread_join"},
        LogCase{"netlink: The socket has data to read", "netlink", "close it first"},
        LogCase{"Can't handle non-regular mapping on 42's map 7f00", "mapped a device", "cuda_plugin.so"},
        LogCase{"cpu: CPU xsave size mismatch (832/2696)", "not the one", "--any-cpu"},
        LogCase{"cpu: CPU xfeatures has unsupported bits (0x60000)", "lacks features", "--any-cpu"},
        LogCase{"cpu: FPU feature required by image is not supported on host", "lacks features", "same kind of CPU"},
        LogCase{"42 has rseq but kernel lacks get_rseq_conf feature", "too old", "glibc.pthread.rseq=0"},
        LogCase{"4242 killed by signal 11: Segmentation fault", "crashed while it was brought back", "same CRIU"},
        LogCase{"This process tree can only be restored in a new pid namespace.", "pid 1", "unshare --pid"},
        LogCase{"Reached EOF unexpectedly while reading pages", "ended too early", "older checkpoint"},
        LogCase{"PID 42 has uprobes vma. Consider using --allow-uprobes.", "uprobes", "end the tracing"},
        LogCase{"BUG! Unknown socket collected (family 40)", "address family", "close it first"},
        LogCase{"net: Locking network failed: iptables-restore returned -1.", "iptables", "install-criu"},
        LogCase{"Can't get rlimit 0: Operation not permitted", "another user", "CAP_SYS_RESOURCE"},
        LogCase{"sockets: Can't get 1:16 opt: Operation not supported", "too old", "install-criu"},
        LogCase{"vdso: Unexpected rt vDSO area bounds", "too old", "install-criu"}));

// Logs of real failures of CRIU 4.2.1 as far as their errors, made by hand on processes that have what the name says.
struct Fixture {
    std::string name;
    std::string in_cause;
    std::string in_hint;
};
class RealLog : public ::testing::TestWithParam<Fixture> {
  protected:
    static std::string folder() { return CEDANA_SOURCE_DIR "/tests/unit/criu/fixtures/"; }
};

const auto k_fixtures = std::to_array<Fixture>({
    {"bad_mode", "another mode", "chmod"},
    {"bad_size", "srv/app/data has bad size 9 (expect 4)", "put the file back"},
    {"changed_program", "not the one that was dumped", "install the version"},
    {"corked", "corked UDP socket", "UDP_CORK"},
    {"damaged_inventory", "damaged", "older checkpoint"},
    {"deleted_file", "larger than the limit", "--ghost-limit"},
    {"device", "of a kind that CRIU cannot dump", "close it first"},
    {"empty_inventory", "ended too early", "older checkpoint"},
    {"file_lock", "holds file locks", "--file-locks"},
    {"fuse_mount", "of a kind that CRIU cannot dump", "--external"},
    {"io_uring", "io_uring", "UV_USE_IO_URING"},
    {"mapped_device", "mapped something", "close it first"},
    {"missing_file", "is not there", "put the file back"},
    {"missing_program", "is not there", "restore on a host that has it"},
    {"mount_lookup", "outside of its mount namespace", "redirected inside"},
    {"mptcp", "multipath TCP", "GODEBUG=multipathtcp=0"},
    {"nameless_unix_socket", "without a name", "close it first"},
    {"nested_pids", "another pid namespace", "dump it alone"},
    {"nested_time", "time namespace", "one time namespace"},
    {"no_inotify", "needs an inotify instance", "max_user_instances"},
    {"no_such_process", "has ended", "client find"},
    {"no_terminal", "needs a terminal", "from a terminal"},
    {"not_session_leader", "started from a shell", "--shell-job"},
    {"own_ancestor", "started by the process", "another shell"},
    {"pending_sigtrap", "SIGTRAP", "unblock SIGTRAP"},
    {"pid_taken", "is taken", "reaped"},
    {"removed_name", "name was removed", "--link-remap"},
    {"session_outside", "outside of its pid namespace", "setsid"},
    {"shared_memory", "System V shared memory", "unshare --ipc"},
    {"tcp_connection", "established TCP connection", "--tcp-established"},
    {"tcp_connection_in_image", "established TCP connection", "--tcp-established"},
    {"tcp_in_flight", "just being made", "--skip-in-flight"},
    {"tcp_no_iptables", "there is no iptables", "install-criu"},
    {"terminal_taken", "has a number that another one has", "ls /dev/pts"},
    {"terminal_without_master", "whose master is outside", "--shell-job"},
    {"traced", "another program traces it", "debugger or strace"},
    {"tunnel", "network tunnel", "close it first"},
    {"unaccepted_closed", "closed before it was accepted", "once the program accepts"},
    {"unaccepted_with_data", "was not accepted yet", "once the program accepts"},
    {"unix_socket", "whose peer is outside", "--ext-unix-sk"},
    {"unsent_data", "not sent yet", "--tcp-close"},
    {"user_namespace", "user namespace", "without a user namespace"},
    {"vfork", "did not stop in time", "--timeout=60"},
});

INSTANTIATE_TEST_SUITE_P(Fixtures, RealLog, ::testing::ValuesIn(k_fixtures),
                         [](const auto& instance) { return instance.param.name; });

TEST_P(RealLog, GivesTheCauseQuotesCriuAndHasARemedy) {
    const Diagnosis diagnosis = diagnose(read_file(folder() + GetParam().name + ".log"));
    EXPECT_NE(diagnosis.cause.find(GetParam().in_cause), std::string::npos) << diagnosis.cause;
    EXPECT_NE(diagnosis.cause.find("(criu: \""), std::string::npos) << diagnosis.cause;
    EXPECT_NE(diagnosis.hint.find(GetParam().in_hint), std::string::npos) << diagnosis.hint;
}

TEST(RealLogs, AreAllLookedAt) {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(CEDANA_SOURCE_DIR "/tests/unit/criu/fixtures"))
        names.push_back(entry.path().stem());
    std::ranges::sort(names);
    std::vector<std::string> known;
    std::ranges::transform(k_fixtures, std::back_inserter(known), &Fixture::name);
    EXPECT_EQ(names, known);
}

TEST(Diagnosis, TakesWhatCriuPrintsWithoutALog) {
    const Diagnosis diagnosis = diagnose("Running as non-root requires '--unprivileged'\n");
    EXPECT_EQ(diagnosis.cause, "CRIU lacks privileges (criu: \"Running as non-root requires '--unprivileged'\")");
    EXPECT_EQ(diagnosis.hint, "run cedana with sudo");
}

TEST(Diagnosis, PassesOverTheNoiseOfMissingIptables) {
    const Diagnosis diagnosis = diagnose(log_with("Can't dump nested pid namespace for 42\n"
                                                  "Error (criu/util.c:642): execvp(\"iptables-restore\", ...) failed: "
                                                  "No such file or directory"));
    EXPECT_NE(diagnosis.cause.find("pid namespace"), std::string::npos);
}

TEST(Diagnosis, OfAnUnknownFailureQuotesTheFirstTellingLines) {
    const Diagnosis diagnosis = diagnose(log_with("A thing that nobody has seen"));
    EXPECT_EQ(diagnosis.cause, "criu: \"A thing that nobody has seen\"");
    EXPECT_EQ(diagnosis.hint, "");
}

TEST(Diagnosis, OfNoiseAloneIsEmpty) { EXPECT_EQ(diagnose(std::string(k_noise_first) + k_noise_last).cause, ""); }

TEST(Diagnosis, EscapesWhatSteersATerminal) {
    EXPECT_EQ(diagnose(log_with("bad \x1b[31m name")).cause, "criu: \"bad \\x1b[31m name\"");
}

TEST(Failures, ByANameThatSomebodyElseHasAreTold) {
    EXPECT_TRUE(fails_by_a_name(log_with("inet: Can't bind inet socket (id 28): Address already in use")));
    EXPECT_TRUE(fails_by_a_name(log_with("Can not set ofd lock!")));
    EXPECT_FALSE(fails_by_a_name(log_with("Can't open exe link")));
}

TEST(TellingLines, KeepTheirOrderWithoutPrefixes) {
    const auto lines =
        telling_lines("(00.1)   42: Error (criu/a.c:1): one\n(00.2) Warn (x): no\n(00.3) Error (criu/b.c:2): two\n");
    EXPECT_EQ(lines, (std::vector<std::string>{"one", "two"}));
}

TEST(Diagnosis, TakesTheOneWordOfAnEpollInstanceForACause) {
    EXPECT_NE(diagnose("(00.1) Error (criu/cr-dump.c:1550): Dump eventpoll (pid: 7) failed with -1\n").cause, "");
    EXPECT_EQ(diagnose("(00.1) Error (criu/cr-dump.c:1545): Dump files (pid: 7) failed with -1\n").cause, "");
}

TEST(Diagnosis, SaysWhetherItIsAboutStoppingTheProcess) {
    EXPECT_TRUE(
        diagnose("(00.1) Error (compel/src/lib/infect.c:261): Unseizable non-zombie 7 found, state X, err 0/0\n")
            .while_stopping);
    EXPECT_TRUE(diagnose("(00.1) Warn  (compel/src/lib/infect.c:130): Unable to interrupt task: 7 (Operation not "
                         "permitted)\n")
                    .while_stopping);
    EXPECT_FALSE(diagnose("(00.1) Error (criu/pipes.c:416): OOM storing pipe\n").while_stopping);
}

} // namespace
} // namespace cedana::criu
