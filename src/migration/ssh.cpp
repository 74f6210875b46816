// SPDX-License-Identifier: Apache-2.0
#include "cedana/migration/ssh.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"

#include <algorithm>

#include <spdlog/fmt/fmt.h>

namespace cedana::migration {

namespace {

std::vector<std::string> own_words(const std::string& ssh) {
    std::vector<std::string> words = split(ssh, ' ');
    std::erase(words, "");
    if (words.empty())
        throw Error(Fault::usage, "there is no command behind --ssh");
    return words;
}

// The user's shell over there reads it.
std::string remote_line(const std::vector<std::string>& words, std::string_view sudo) {
    std::string line(sudo);
    for (const std::string& word : words)
        line += fmt::format("{}{}", line.empty() ? "" : " ", shell_word(word));
    return line;
}

} // namespace

std::vector<std::string> ssh_argv(const SshCommand& command, const std::vector<std::string>& words) {
    if (command.host.empty() || command.host.starts_with('-'))
        throw Error(Fault::usage, fmt::format("'{}' is no host", printable(command.host)));
    std::vector<std::string> argv = own_words(command.ssh);
    for (const char* const option : {"BatchMode=yes", "StrictHostKeyChecking=yes", "ConnectTimeout=15",
                                     "ServerAliveInterval=5", "ServerAliveCountMax=3"})
        argv.insert(argv.end(), {"-o", option});
    // No terminal, whose driver would change bytes.
    argv.insert(argv.end(), {"-T", "--", command.host, remote_line(words, command.sudo ? "sudo -n" : "")});
    return argv;
}

std::string shown(const SshCommand& command, const std::vector<std::string>& words) {
    return fmt::format("{} {} {}", command.ssh, shell_word(command.host),
                       remote_line(words, command.sudo ? "sudo" : ""));
}

} // namespace cedana::migration
