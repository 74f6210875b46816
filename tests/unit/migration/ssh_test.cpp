// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/migration/ssh.hpp"

#include <algorithm>

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

} // namespace
} // namespace cedana::migration
