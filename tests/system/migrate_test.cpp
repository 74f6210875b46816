// SPDX-License-Identifier: Apache-2.0
// A tree moves to another host: other namespaces behind an sshd of this one (support/other_host.py). What is cut at
// random moments is in tests/reliability.
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"

#include <chrono>
#include <fstream>
#include <optional>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

#include <sys/xattr.h>
#include <unistd.h>

#include "support/wait.hpp"
#include "system/page_generations.hpp"
#include "system/step_log.hpp"
#include "system/system_fixture.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;

class Migration : public System {
  protected:
    void SetUp() override {
        System::SetUp();
        for (const char* const program : {"/usr/sbin/sshd", "/usr/bin/ssh"})
            if (::access(program, X_OK) != 0)
                return cannot_run(std::string("there is no ") + program + ": apt-get install openssh-server");
        wait_for_more_lines(log, k_steps);
    }
    void TearDown() override {
        input_.reset();
        if (other_)
            other_->wait();
        System::TearDown();
    }

    // `environment` is that of the cedana over there.
    void start_other_host(const std::vector<std::string>& environment) {
        Pipe input = make_pipe();
        Pipe output = make_pipe();
        std::vector<std::string> argv = {"python3", script("../support/other_host.py"), scratch("other"),
                                         cedana_executable()};
        argv.insert(argv.end(), environment.begin(), environment.end());
        other_.emplace(ChildProcess::spawn(
            {.argv = argv,
             .fds = {{input.read_end.get(), 0}, {output.write_end.get(), 1}, {STDERR_FILENO, STDERR_FILENO}}}));
        output.write_end.reset();
        input_ = std::move(input.write_end);
        std::string line;
        for (char c = 0; ::read(output.read_end.get(), &c, 1) == 1 && c != '\n';)
            line += c;
        const auto told = nlohmann::json::parse(line);
        ssh_ = told.at("ssh").get<std::string>();
        host_ = told.at("host").get<std::string>();
    }

    CedanaRun migrate(std::vector<std::string> more = {}) const {
        more.insert(more.begin(), target.pid_text());
        return migrate_to(more);
    }
    CedanaRun migrate_to(const std::vector<std::string>& more) const {
        std::vector<std::string> arguments = {"client", "migrate", "--ssh", ssh_, "-d", store(), more.front(), host_};
        arguments.insert(arguments.end(), more.begin() + 1, more.end());
        return run_cedana(arguments, options);
    }

    // Over a slow line, of a program that is told to look at all of its memory before it moves, and does so there.
    nlohmann::json migrate_filled(const char* way, const std::vector<std::string>& environment) {
        start_other_host(environment);
        ssh_ = script("../support/throttled.py") + " 100 " + ssh_;
        const fs::path told = scratch("told");
        const fs::path go = scratch("go");
        Target filled({target_program("filled"), "pages_and_holes", "16", told, go});
        wait_for_lines(told, 1);
        std::ofstream(go) << "go";
        const CedanaRun run = migrate_to({filled.pid_text(), way, "--json"});
        EXPECT_EQ(run.exit_code, 0) << run.err;
        if (run.exit_code != 0)
            return nlohmann::json::object();
        EXPECT_EQ(wait_for_lines(told, 2), (std::vector<std::string>{"ready", "right"}));
        expect_nothing_kept_there();
        return nlohmann::json::parse(run.out);
    }

    // Takes what nobody has signed, and puts files anywhere.
    const std::vector<std::string> k_open = {"CEDANA_SECURITY_RECEIVE_UNSIGNED=true",
                                             "CEDANA_SECURITY_RECEIVE_FOLDERS=/"};
    [[nodiscard]] std::string over_there(const std::string& script) const {
        std::vector<std::string> argv = split(ssh_, ' ');
        argv.insert(argv.end(), {"-o", "BatchMode=yes", host_, script});
        return run_captured({.argv = argv}, k_wait_limit).out;
    }
    // What receives may be at its end only when migrate has ended, which waits for it no longer than some seconds.
    void expect_nothing_kept_there() const {
        EXPECT_EQ(over_there(fmt::format("while ls -A {} | grep -q .; do :; done; echo empty",
                                         (scratch("other") / "store").string())),
                  "empty\n");
    }

    const fs::path log = scratch("count");
    Target target{{target_program("counter"), log, "4"}};

    std::string ssh_;
    std::string host_;

  private:
    UniqueFd input_;
    std::optional<ChildProcess> other_;
};

TEST_F(Migration, LetsTheProgramCountOnOverThere) {
    start_other_host(k_open);
    const CedanaRun run = migrate();
    ASSERT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(holds(run.out, " " + target.pid_text() + "\n"));
    EXPECT_EQ(target.wait_end().signal(), SIGKILL);
    EXPECT_TRUE(count_on_from(1, wait_for_more_lines(log, k_steps)));
    // What was sent is kept here alone, and is not to be restored by mistake.
    expect_nothing_kept_there();
    const std::vector<std::string> kept = names_in(store());
    ASSERT_EQ(kept.size(), 2U);
    EXPECT_EQ(kept[1], kept[0] + ".migrated");
}

TEST_F(Migration, TakesNothingThatNoTrustedKeyHasSigned) {
    start_other_host({});
    const CedanaRun run = migrate();
    EXPECT_EQ(run.exit_code, 11) << run.err;
    EXPECT_TRUE(holds(run.err, "this host names no trusted keys"));
    EXPECT_TRUE(target.runs());
    EXPECT_EQ(names_in(store()), std::vector<std::string>());
}

TEST_F(Migration, TellsEveryReasonBeforeAnythingIsFrozen) {
    start_other_host({"CEDANA_CRIU_PATH=/nowhere/criu"});
    const CedanaRun run = migrate({"--dry-run", "--json"});
    EXPECT_EQ(run.exit_code, 11) << run.err;
    const auto told = nlohmann::json::parse(run.out);
    EXPECT_EQ(told.at("refusals").size(), 0U) << run.out;
    EXPECT_EQ(told.at("refusals_there").size(), 3U) << run.out;
    EXPECT_TRUE(target.runs());
}

TEST_F(Migration, PutsNamedFilesThereBeforeTheProgramRuns) {
    const fs::path apart = scratch("apart");
    // Nobody has written to it just now: it is copied while the program runs.
    const fs::path old = "/usr/share/common-licenses/GPL-3";
    fs::create_directories(apart / "app/empty");
    std::ofstream(apart / "app/tool") << "of here";
    ASSERT_EQ(::chown((apart / "app/tool").c_str(), 7, 8), 0);
    ASSERT_EQ(::chmod((apart / "app/tool").c_str(), 06751), 0);
    // USER_OBJ rwx, user 7 rwx, GROUP_OBJ none, MASK rwx, OTHER none (acl(5)): without it the group would have all.
    const std::string list("\2\0\0\0"
                           "\1\0\7\0\xff\xff\xff\xff"
                           "\2\0\7\0\7\0\0\0"
                           "\4\0\0\0\xff\xff\xff\xff"
                           "\x10\0\7\0\xff\xff\xff\xff"
                           "\x20\0\0\0\xff\xff\xff\xff",
                           44);
    std::ofstream(apart / "app/listed") << "x";
    const bool has_lists =
        ::setxattr((apart / "app/listed").c_str(), "system.posix_acl_access", list.data(), list.size(), 0) == 0;
    fs::create_hard_link(apart / "app/tool", apart / "app/same");
    fs::create_symlink("../else/where", apart / "app/link");
    const fs::path told = scratch("told");
    start_other_host({k_open[0], k_open[1], "LD_PRELOAD=" + target_program("libfailing_calls.so"),
                      "FAILING_TOLD=" + told.string(),
                      "FAILING_UNDER=" + old.parent_path().string() + ":" + scratch("other").string(), apart.string(),
                      old.parent_path().string()});
    static_cast<void>(over_there("mkdir " + apart.string() + "/app; echo of there >" + apart.string() + "/app/tool"));
    const CedanaRun run = migrate({"--json", "--with-files", (apart / "app").string(), "--with-files", old});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(holds(run.out, "\"ahead\"")) << run.out;
    EXPECT_EQ(over_there("cat " + old.string()), read_file(old));
    // It was written there before the last of the checkpoint came, and has only got its name since.
    const std::string calls = read_file(told);
    EXPECT_LT(calls.find(" write " + old.parent_path().string()), calls.rfind(" pwrite " + scratch("other").string()))
        << calls;
    EXPECT_GT(calls.find(" linkat " + old.string()), calls.rfind(" pwrite " + scratch("other").string())) << calls;
    EXPECT_TRUE(count_on_from(1, wait_for_more_lines(log, k_steps)));
    EXPECT_EQ(over_there("cd " + apart.string() +
                         "/app; cat tool same; stat -c ' %u %g %a' tool; cat tool.cedana-backup-*; readlink link; "
                         "ls -d empty"),
              "of hereof here 7 8 751\nof there\n../else/where\nempty\n");
    if (has_lists) {
        EXPECT_EQ(over_there("python3 -c 'import os,sys; sys.stdout.buffer.write(os.getxattr(sys.argv[1], "
                             "\"system.posix_acl_access\"))' " +
                             (apart / "app/listed").string()),
                  list);
    }
}

// The line is slow: most of the memory comes after it runs, or because it is waited for.
TEST_F(Migration, LetsTheMemoryFollow) {
    const auto result = migrate_filled("--lazy", k_open);
    EXPECT_GT(result.value("bytes_on_demand", 0), 4'000'000) << result;
}

// Of a program that changes little: next to nothing is left for the time in which it stands still. The file system over
// there has no files without a name, which NFS and FUSE have not.
TEST_F(Migration, SendsTheMemoryWhileTheProgramRuns) {
    const auto result =
        migrate_filled("--pre-copy", {k_open[0], k_open[1], "LD_PRELOAD=" + target_program("libfailing_calls.so"),
                                      "FAILING_LACKS=links", "FAILING_UNDER=" + scratch("other").string()});
    EXPECT_GT(result.value("bytes_ahead", 0), 4'000'000) << result;
    EXPECT_LT(result.value("bytes_sent", 0) - result.value("bytes_ahead", 0), 2'000'000) << result;
}

// What went ahead of a program that writes all the time is of many moments; what comes back is of one.
TEST_F(Migration, BringsTheMemoryOfOneMomentThoughItWasSentBefore) {
    start_other_host(k_open);
    constexpr std::size_t k_kib = 16UL * 1024;
    const fs::path ready = scratch("ready");
    Target generations({target_program("generations"), std::to_string(k_kib), ready});
    wait_for_file(ready);
    const CedanaRun run = migrate_to({generations.pid_text(), "--pre-copy", "--json"});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    const auto result = nlohmann::json::parse(run.out);
    EXPECT_GT(result.at("bytes_ahead"), 0) << run.out;
    EXPECT_EQ(torn_pages(page_generations(result.at("checkpoint").get<std::string>(), k_kib / 4)), 0U);
}

// By Ctrl-Z, or for its output from the background. The line is so slow that the memory takes many seconds.
TEST_F(Migration, IsNotStoppedWhileItsMemoryIsAwaitedThere) {
    start_other_host(k_open);
    const std::string slow = script("../support/throttled.py") + " 4 " + ssh_;
    RunningCedana run({"client", "migrate", "--lazy", "--ssh", slow, "-d", store(), target.pid_text(), host_}, options,
                      folder());
    EXPECT_EQ(target.wait_end().signal(), SIGKILL);
    EXPECT_EQ(over_there("until grep -o '\"filling\"' /run/cedana/migrations/*.json; do :; done"), "\"filling\"\n");
    const std::string status = read_file(fmt::format("/proc/{}/status", run.pid()));
    const std::string mask = status.substr(status.find("SigBlk:") + 7);
    const auto blocked = std::stoull(mask, nullptr, 16);
    for (const int signal : {SIGTSTP, SIGTTIN, SIGTTOU})
        EXPECT_NE(blocked >> (signal - 1) & 1, 0U) << signal;
    run.signal(SIGKILL);
    static_cast<void>(run.wait());
}

TEST_F(Migration, LetsTheProgramRunOnWhereTheDiskThereIsFull) {
    start_other_host({k_open[0], k_open[1], (scratch("other") / "store").string() + ":7m"});
    const fs::path told = scratch("told");
    Target filled({target_program("filled"), "pages_and_holes", "16", told, scratch("go")});
    wait_for_lines(told, 1);
    // Of a lazy one most would come only once it runs there.
    for (const std::vector<std::string>& more : {std::vector<std::string>(), {"--pre-copy"}, {"--lazy"}}) {
        std::vector<std::string> arguments = {filled.pid_text()};
        arguments.insert(arguments.end(), more.begin(), more.end());
        const CedanaRun run = migrate_to(arguments);
        EXPECT_EQ(run.exit_code, 11) << run.err;
        EXPECT_TRUE(holds(run.err, "No space left on device")) << run.err;
        EXPECT_TRUE(filled.runs());
        EXPECT_EQ(names_in(store()), std::vector<std::string>());
    }
}

TEST_F(Migration, TellsBeforehandThatAFolderOfItsFilesIsMissing) {
    const fs::path apart = scratch("apart");
    fs::create_directories(apart / "logs");
    start_other_host({k_open[0], k_open[1], apart.string()});
    const fs::path told = apart / "logs/count";
    Target counter({target_program("counter"), told, "4"});
    wait_for_more_lines(told, k_steps);
    const CedanaRun run = migrate_to({counter.pid_text(), "--dry-run"});
    EXPECT_EQ(run.exit_code, 11) << run.err;
    EXPECT_TRUE(holds(run.err + run.out, "the folder " + told.parent_path().string() + " does not exist")) << run.err;
}

TEST_F(Migration, TellsBeforehandWhatIsInTheWayOfItsFiles) {
    const fs::path apart = scratch("apart");
    const fs::path small = scratch("small");
    for (const char* const name : {"made", "read_only"})
        fs::create_directories(apart / name);
    fs::create_directories(small);
    std::ofstream(apart / "read_only/file") << "of here";
    std::ofstream(apart / "link") << "of here";
    std::ofstream(small / "large") << std::string(2'000'000, 'x');
    start_other_host({k_open[0], k_open[1], apart.string(), small.string() + ":1m"});
    EXPECT_EQ(over_there(fmt::format("cd {}; mkdir read_only; mount -t tmpfs -o ro tmpfs read_only; echo >made; "
                                     "ln -s /etc/hosts link; mount -o remount,ro /run; echo made",
                                     apart.string())),
              "made\n");
    const CedanaRun run = migrate({"--dry-run", "--with-files", apart / "made", "--with-files", apart / "read_only",
                                   "--with-files", apart / "link", "--with-files", small / "large"});
    EXPECT_EQ(run.exit_code, 11) << run.err;
    for (const char* const reason :
         {"made: something else is there", "Read-only file system", "it is a symbolic link now",
          "not enough room to put files back", "cannot create /run/cedana"})
        EXPECT_TRUE(holds(run.out, reason)) << reason << " in " << run.out;
    EXPECT_TRUE(target.runs());
}

TEST_F(Migration, BringsALargeFileOfTheProgramWhereItIsNamed) {
    const fs::path apart = scratch("apart");
    fs::create_directories(apart);
    std::ofstream(apart / "large") << std::string(2'000'000, 'x');
    start_other_host({k_open[0], k_open[1], apart.string()});
    write_text(scratch("hold.py"), "import sys,time\n"
                                   "f=open(sys.argv[1],'r+')\n"
                                   "open(sys.argv[2],'a').write('\\n')\n"
                                   "time.sleep(1000)\n");
    Target holder({"/usr/bin/python3", scratch("hold.py"), apart / "large", scratch("holds")});
    wait_for_lines(scratch("holds"), 1);
    options.environment["CEDANA_FILES_CAPTURE_LIMIT_MIB"] = "1";
    const CedanaRun refused = migrate_to({holder.pid_text(), "--dry-run"});
    EXPECT_EQ(refused.exit_code, 11) << refused.err;
    EXPECT_TRUE(holds(refused.out, "--with-files " + (apart / "large").string())) << refused.out;
    const CedanaRun run = migrate_to({holder.pid_text(), "--with-files", apart / "large"});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(over_there("stat -c %s " + (apart / "large").string()), "2000000\n");
}

// CRIU would find it out only once all has been sent.
TEST_F(Migration, TellsBeforehandWhatIsAnotherOrTakenThere) {
    const fs::path apart = scratch("apart");
    const fs::path socket = apart / "socket";
    fs::create_directories(apart);
    fs::copy_file("/usr/bin/python3", apart / "python");
    start_other_host({k_open[0], k_open[1], apart.string()});
    const std::string listen = "import socket,sys,time\n"
                               "s=socket.socket(socket.AF_UNIX)\n"
                               "s.bind(sys.argv[1])\n"
                               "s.listen()\n"
                               "open(sys.argv[2],'a').write('\\n')\n"
                               "time.sleep(1000)\n";
    write_text(scratch("listen.py"), listen);
    // Another build of the same size: the bytes after the note's name are the build-ID.
    write_text(scratch("change.py"), "import sys\n"
                                     "data=bytearray(open('/usr/bin/python3','rb').read())\n"
                                     "data[data.index(b'\\x03\\0\\0\\0GNU\\0')+8]^=1\n"
                                     "open(sys.argv[1],'wb').write(data)\n");
    EXPECT_EQ(over_there(fmt::format("cd {0}; python3 {1}/change.py python; chmod 755 python; setsid python3 "
                                     "{1}/listen.py {2} ready </dev/null >/dev/null 2>&1 & "
                                     "until [ -e {0}/ready ]; do :; done; echo made",
                                     apart.string(), scratch("").string(), socket.string())),
              "made\n");
    Target server({(apart / "python").string(), scratch("listen.py"), socket, scratch("here")});
    wait_for_lines(scratch("here"), 1);
    const CedanaRun run = migrate_to({server.pid_text(), "--dry-run"});
    EXPECT_EQ(run.exit_code, 11) << run.err;
    EXPECT_TRUE(holds(run.out, "is another build of the same program or library")) << run.out;
    EXPECT_TRUE(holds(run.out, "the path " + socket.string() + " of a unix socket is taken by process")) << run.out;
    EXPECT_TRUE(server.runs());
}

// CRIU would wait for them without end.
TEST_F(Migration, TellsBeforehandWhoseLocksItCannotHaveThere) {
    start_other_host(k_open);
    write_text(scratch("lock.py"), "import fcntl,struct,sys,time\n"
                                   "a,b,c=[open(sys.argv[1]+name,'w') for name in 'abc']\n"
                                   "fcntl.flock(a,fcntl.LOCK_EX)\n"
                                   "fcntl.lockf(b,fcntl.LOCK_EX)\n"
                                   "fcntl.fcntl(c,37,struct.pack('hhqqi4x',fcntl.F_WRLCK,0,0,0,0))\n"
                                   "open(sys.argv[1],'a').write('\\n')\n"
                                   "time.sleep(1000)\n");
    // The other host has the same files, and the locks are of this one.
    Target locking({"/usr/bin/python3", scratch("lock.py"), scratch("lock")});
    wait_for_lines(scratch("lock"), 1);
    const CedanaRun run = migrate_to({locking.pid_text(), "--dry-run", "--json"});
    EXPECT_EQ(run.exit_code, 11) << run.err;
    const auto told = nlohmann::json::parse(run.out).at("refusals_there");
    EXPECT_EQ(told.size(), 3U) << run.out;
    EXPECT_TRUE(holds(run.out, "has the file locked")) << run.out;
}

TEST_F(Migration, EndsThereWhereTheSourceGoesAmidTheRestore) {
    const fs::path criu = scratch("criu");
    write_text(criu, fmt::format("#!/bin/sh\ncase \"$*\" in *restore*) >{}; exec sleep 1000;; esac\nexec criu \"$@\"\n",
                                 scratch("restoring").string()));
    fs::permissions(criu, fs::perms::owner_all);
    start_other_host({k_open[0], k_open[1], "CEDANA_CRIU_PATH=" + criu.string()});
    RunningCedana run({"client", "migrate", "--ssh", ssh_, "-d", store(), target.pid_text(), host_}, options, folder());
    wait_for_file(scratch("restoring"));
    run.signal(SIGINT);
    EXPECT_EQ(run.wait().exit_code, 130);
    EXPECT_TRUE(target.runs());
    EXPECT_EQ(over_there("until grep -o '\"ended\"' /run/cedana/migrations/*.json; do :; done"), "\"ended\"\n");
}

// Whoever received it was killed, and nothing can be written there.
TEST_F(Migration, TellsWhatBecameOfItThoughThatCannotBeNoted) {
    start_other_host(k_open);
    const std::string id(32, 'a');
    EXPECT_EQ(over_there(fmt::format(
                  "mkdir -m 0700 /run/cedana /run/cedana/migrations; cd /run/cedana/migrations; "
                  "echo '{{\"id\":\"{0}\",\"state\":\"ready\",\"name\":\"n\",\"why\":\"\"}}' >{0}.json; >{0}.lock; "
                  "mount -o remount,size=8k /run; cat /dev/zero >full 2>/dev/null; "
                  "cedana client receive --status {0}",
                  id)),
              "ended: the cedana that received it was killed before the tree ran\n");
}

TEST_F(Migration, BringsItWhereItsPidIsTakenIntoANamespaceOfItsOwn) {
    start_other_host(k_open);
    EXPECT_EQ(over_there(fmt::format("echo {} >/proc/sys/kernel/ns_last_pid; setsid sleep 1000 </dev/null "
                                     ">/dev/null 2>&1 & echo $!",
                                     target.pid() - 1)),
              target.pid_text() + "\n");
    EXPECT_EQ(migrate({"--dry-run"}).exit_code, 11);
    const CedanaRun run = migrate({"--new-pidns"});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    EXPECT_FALSE(holds(run.out, " " + target.pid_text() + "\n"));
    EXPECT_EQ(target.wait_end().signal(), SIGKILL);
    EXPECT_TRUE(count_on_from(1, wait_for_more_lines(log, k_steps)));
}

TEST_F(Migration, SendsWhatTheOtherHostCanDecrypt) {
    for (const char* const name : {"theirs", "of_others"})
        ASSERT_EQ(run_cedana({"config", "keygen", scratch(name), "--recipient"}, options).exit_code, 0);
    start_other_host({k_open[0], k_open[1], "CEDANA_SECURITY_IDENTITY=" + scratch("theirs").string()});
    options.environment["CEDANA_SECURITY_RECIPIENTS"] = scratch("of_others.pub");
    const CedanaRun refused = migrate();
    EXPECT_EQ(refused.exit_code, 11) << refused.err;
    EXPECT_TRUE(holds(refused.err, "no key")) << refused.err;
    options.environment["CEDANA_SECURITY_RECIPIENTS"] = scratch("theirs.pub");
    const CedanaRun run = migrate({"--lazy"});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    EXPECT_FALSE(holds(run.err, "not known")) << run.err;
    EXPECT_TRUE(holds(run.err, "no key here decrypts its checkpoint")) << run.err;
    EXPECT_EQ(target.wait_end().signal(), SIGKILL);
    EXPECT_TRUE(count_on_from(1, wait_for_more_lines(log, k_steps)));
}

// The other host puts on its disk what comes ahead, as it comes.
TEST_F(Migration, SendsNothingAheadInClearOfWhatIsEncrypted) {
    ASSERT_EQ(run_cedana({"config", "keygen", scratch("key"), "--encryption"}, options).exit_code, 0);
    start_other_host({k_open[0], k_open[1], "CEDANA_SECURITY_ENCRYPTION_KEY=" + scratch("key").string()});
    const fs::path told = scratch("told");
    const fs::path go = scratch("go");
    Target filled({target_program("filled"), "pages_and_holes", "16", told, go});
    wait_for_lines(told, 1);
    std::ofstream(go) << "go";
    options.environment["CEDANA_SECURITY_ENCRYPTION_KEY"] = scratch("key");
    const CedanaRun run = migrate_to({filled.pid_text(), "--pre-copy", "--json"});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(nlohmann::json::parse(run.out).at("bytes_ahead"), 0) << run.out;
    EXPECT_TRUE(holds(run.err, "the checkpoint is encrypted, and what is sent ahead would not be")) << run.err;
    EXPECT_EQ(wait_for_lines(told, 2), (std::vector<std::string>{"ready", "right"}));
}

TEST_F(Migration, PutsFilesOnlyWhereRootOverThereHasNamedAFolder) {
    start_other_host({k_open[0], "CEDANA_SECURITY_RECEIVE_FOLDERS=/srv"});
    const CedanaRun run = migrate();
    EXPECT_EQ(run.exit_code, 11) << run.err;
    EXPECT_TRUE(holds(run.err, log.string() + " is not to be put here by another host")) << run.err;
    EXPECT_TRUE(target.runs());
}

TEST_F(Migration, LeavesTheProgramWhereNobodyAnswers) {
    const CedanaRun run =
        run_cedana({"client", "migrate", target.pid_text(), "nowhere", "--ssh", "/bin/false", "-d", store()}, options);
    EXPECT_EQ(run.exit_code, 12) << run.err;
    EXPECT_TRUE(holds(run.err, "cedana did not start on nowhere")) << run.err;
    EXPECT_TRUE(target.runs());
    EXPECT_EQ(names_in(store()), std::vector<std::string>());
}

} // namespace
} // namespace cedana::testing
