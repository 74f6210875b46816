// SPDX-License-Identifier: Apache-2.0
// The command line by which the ssh of this host starts a cedana on another one. Pure.
#pragma once

#include "cedana/base/child_process.hpp"
#include "cedana/base/error.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace cedana::migration {

struct SshCommand {
    // As ssh takes it: a name of its configuration, USER@HOST.
    std::string host;
    // Words of the user's own, between spaces: "ssh -p 2222"; what they set comes before what is set here.
    std::string ssh = "ssh";
    // The cedana over there runs by sudo, which must ask for nothing.
    bool sudo = false;
};

// `words`: those of cedana on the other host. It asks for no password, takes no host key that is not known, and notices
// within a quarter of a minute that the other host is gone (ssh_config(5)). As of scp, nothing else that ssh's
// configuration has for that host (forwarding, a command) comes with it. Throws Error(Fault::usage) for what ssh
// would take for an option, and where there is no command.
[[nodiscard]] std::vector<std::string> ssh_argv(const SshCommand& command, const std::vector<std::string>& words);

// The same for people, to be typed: "ssh beta sudo cedana client receive --status 0f…".
[[nodiscard]] std::string shown(const SshCommand& command, const std::vector<std::string>& words);

// What can be done about what ssh, or a shell, sudo or cedana over there, has said; empty where that is not known.
[[nodiscard]] std::string remedy_for(std::string_view said);

// Why no cedana over there has said a word: from how ssh ended, and what it has said.
[[nodiscard]] Error why_silent(const SshCommand& command, const ExitStatus& status, std::string_view said);

} // namespace cedana::migration
