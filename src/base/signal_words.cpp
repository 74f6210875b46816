// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/signal_words.hpp"

#include <csignal>
#include <cstring>

namespace cedana {

std::string known_as(int signal) {
    if (signal == SIGINT)
        return "Ctrl-C";
    const char* const name = ::sigabbrev_np(signal);
    return name != nullptr ? std::string("SIG") + name : "signal " + std::to_string(signal);
}

} // namespace cedana
