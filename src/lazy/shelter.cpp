// SPDX-License-Identifier: Apache-2.0
#include "cedana/lazy/shelter.hpp"

#include <csignal>

namespace cedana {

std::vector<int> ignored_signals() { return {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGUSR1, SIGUSR2}; }

} // namespace cedana
