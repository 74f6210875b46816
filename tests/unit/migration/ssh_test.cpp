// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/migration/ssh.hpp"

#include <algorithm>
#include <array>

#include <gtest/gtest.h>

namespace cedana::migration {
namespace {

const std::vector<std::string> k_receive = {"cedana", "client", "receive"};

TEST(SshCommand, StartsCedanaOverThere) {
    const std::vector<std::string> argv = ssh_argv({.host = "root@beta"}, k_receive);
    EXPECT_EQ(argv.front(), "ssh");
    EXPECT_EQ(argv[argv.size() - 3], "--");
    EXPECT_EQ(argv[argv.size() - 2], "root@beta");
    EXPECT_EQ(argv.back(), "cedana client receive");
    EXPECT_EQ(std::ranges::count(argv, "StrictHostKeyChecking=yes"), 1);
    EXPECT_EQ(std::ranges::count(argv, "BatchMode=yes"), 1);
}

TEST(SshCommand, PutsTheUsersWordsFirst) {
    const std::vector<std::string> argv = ssh_argv({.host = "beta", .ssh = "ssh  -p 2222", .sudo = true}, k_receive);
    EXPECT_EQ(std::vector(argv.begin(), argv.begin() + 3), (std::vector<std::string>{"ssh", "-p", "2222"}));
    EXPECT_EQ(argv.back(), "sudo -n cedana client receive");
}

TEST(SshCommand, TakesNoOptionForAHost) {
    for (const char* const host : {"", "-oProxyCommand=sh"})
        EXPECT_THROW(static_cast<void>(ssh_argv({.host = host}, k_receive)), Error);
    EXPECT_THROW(static_cast<void>(ssh_argv({.host = "beta", .ssh = " "}, k_receive)), Error);
}

TEST(SshCommand, IsShownAsItIsTyped) {
    EXPECT_EQ(shown({.host = "beta", .ssh = "ssh -p 22", .sudo = true}, {"cedana", "a b"}),
              "ssh -p 22 beta sudo cedana 'a b'");
}

// scp(1) does the same: what ssh_config(5) has for people would end it, or run something else.
TEST(SshCommand, BringsNothingElseOfTheConfiguration) {
    const std::vector<std::string> argv = ssh_argv({.host = "beta"}, k_receive);
    for (const char* const option : {"RemoteCommand=none", "ClearAllForwardings=yes", "ForwardAgent=no"})
        EXPECT_EQ(std::ranges::count(argv, option), 1) << option;
}

struct Silent {
    int code;
    bool sudo;
    std::string said;
    std::string message;
    std::string hint;
};

TEST(SshCommand, IsExplainedWhereNobodyHasAnswered) {
    const std::string install = "install cedana there, where a shell without a terminal finds it";
    const std::string sudo = "let sudo there run cedana without a password and a terminal: see docs/migration.md";
    const std::string by_hand = "try it by hand: ssh root@beta cedana --version";
    const std::array<Silent, 9> all = {{
        {255, false, "ssh: connect to host beta port 22: Connection refused", "root@beta cannot be reached by ssh",
         by_hand},
        {255, false, "ssh: Could not resolve hostname [::1]: Name or service not known",
         "root@beta cannot be reached by ssh", "an IPv6 address goes without brackets, or as ssh://[ADDRESS]:PORT"},
        {127, false, "zsh:1: command not found: cedana", "a shell on root@beta finds no cedana", install},
        {127, true, "bash: Zeile 1: sudo: Kommando nicht gefunden.", "a shell on root@beta finds no sudo",
         "install sudo there, where a shell without a terminal finds it"},
        {1, true, "sudo: cedana: command not found", "cedana did not start on root@beta: ssh exited with status 1",
         install},
        {1, true, "sudo: Ein Passwort ist notwendig", "cedana did not start on root@beta: ssh exited with status 1",
         sudo},
        {1, true, "Sorry, user a is not allowed to execute '/usr/bin/cedana client receive' as root on beta.",
         "cedana did not start on root@beta: ssh exited with status 1", sudo},
        {4, false, "error: only root can restore processes",
         "cedana did not start on root@beta: ssh exited with status 4",
         "log in as root there (root@HOST), or pass --sudo"},
        {0, false, "", "cedana did not start on root@beta: ssh exited with status 0", by_hand},
    }};
    for (const Silent& one : all) {
        const Error error = why_silent({.host = "root@beta", .sudo = one.sudo}, ExitStatus::exited(one.code), one.said);
        EXPECT_EQ(error.fault(), Fault::connection);
        EXPECT_EQ(error.message(), one.message) << one.said;
        EXPECT_EQ(error.hint(), one.hint) << one.said;
    }
}

} // namespace
} // namespace cedana::migration
