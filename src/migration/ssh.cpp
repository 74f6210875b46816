// SPDX-License-Identifier: Apache-2.0
#include "cedana/migration/ssh.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"

#include <algorithm>
#include <array>

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

constexpr std::string_view k_let_sudo =
    "let sudo there run cedana without a password and a terminal: see docs/migration.md";

struct Remedy {
    std::string_view said;
    std::string_view hint;
};

// The first that was said counts.
constexpr std::array k_remedies = {
    Remedy{"Host key verification failed", "connect once by ssh yourself, and look at the key of the host"},
    Remedy{"Permission denied (", "ssh must need no password: use a key, or an agent"},
    Remedy{"Could not resolve hostname [", "an IPv6 address goes without brackets, or as ssh://[ADDRESS]:PORT"},
    Remedy{"cedana: command not found", "install cedana there, where a shell without a terminal finds it"},
    Remedy{"cedana: not found", "install cedana there, where a shell without a terminal finds it"},
    Remedy{"only root can", "log in as root there (root@HOST), or pass --sudo"},
    Remedy{"there is no command", "install the same version of cedana on both hosts"},
    Remedy{"a password is required", k_let_sudo},
    Remedy{"must have a tty to run sudo", k_let_sudo},
    Remedy{"is not allowed to execute", k_let_sudo},
    Remedy{"is not in the sudoers file", k_let_sudo}};

} // namespace

std::vector<std::string> ssh_argv(const SshCommand& command, const std::vector<std::string>& words) {
    if (command.host.empty() || command.host.starts_with('-'))
        throw Error(Fault::usage, fmt::format("'{}' is no host", printable(command.host)));
    std::vector<std::string> argv = own_words(command.ssh);
    for (const char* const option :
         {"BatchMode=yes", "StrictHostKeyChecking=yes", "ConnectTimeout=15", "ServerAliveInterval=5",
          "ServerAliveCountMax=3", "RemoteCommand=none", "PermitLocalCommand=no", "ClearAllForwardings=yes",
          "ForwardAgent=no", "ForwardX11=no"})
        argv.insert(argv.end(), {"-o", option});
    // No terminal, whose driver would change bytes.
    argv.insert(argv.end(), {"-T", "--", command.host, remote_line(words, command.sudo ? "sudo -n" : "")});
    return argv;
}

std::string shown(const SshCommand& command, const std::vector<std::string>& words) {
    return fmt::format("{} {} {}", command.ssh, shell_word(command.host),
                       remote_line(words, command.sudo ? "sudo" : ""));
}

std::string remedy_for(std::string_view said) {
    for (const Remedy& remedy : k_remedies)
        if (said.find(remedy.said) != std::string_view::npos)
            return std::string(remedy.hint);
    return {};
}

// Shells and sudo speak the language of the user there: what is known of them whatever it is are their exit codes.
Error why_silent(const SshCommand& command, const ExitStatus& status, std::string_view said) {
    constexpr int k_of_ssh = 255;
    constexpr int k_not_found = 127;
    const std::string host = printable(command.host);
    const std::string by_hand = fmt::format("try it by hand: {}", shown(command, {"cedana", "--version"}));
    std::string hint = remedy_for(said);
    if (status.code() == k_of_ssh)
        return Error(Fault::connection, fmt::format("{} cannot be reached by ssh", host))
            .hint(hint.empty() ? by_hand : hint);
    if (status.code() == k_not_found) {
        const bool lacks_sudo = command.sudo && said.find("cedana") == std::string_view::npos;
        return Error(Fault::connection, fmt::format("a shell on {} finds no {}", host, lacks_sudo ? "sudo" : "cedana"))
            .hint(fmt::format("install {} there, where a shell without a terminal finds it",
                              lacks_sudo ? "sudo" : "cedana"));
    }
    if (hint.empty())
        hint = command.sudo && said.find("sudo") != std::string_view::npos ? std::string(k_let_sudo) : by_hand;
    return Error(Fault::connection, fmt::format("cedana did not start on {}: ssh {}", host, status.text())).hint(hint);
}

} // namespace cedana::migration
