// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/lazy_shelter.hpp"

#include <csignal>
#include <initializer_list>

#include <sys/prctl.h>

namespace cedana {

void take_shelter(const char* name) {
    ::prctl(PR_SET_NAME, name);
    for (const int number : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGUSR1, SIGUSR2})
        std::signal(number, SIG_IGN);
}

} // namespace cedana
