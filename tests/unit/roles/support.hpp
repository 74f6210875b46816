// SPDX-License-Identifier: Apache-2.0
// What the tests of roles share.
#pragma once

#include "cedana/base/files.hpp"
#include "cedana/base/unique_fd.hpp"

#include <array>
#include <csignal>
#include <cstddef>
#include <string>

#include <unistd.h>

namespace cedana::test {

constexpr std::array<int, 7> k_endings = {SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGIO};

inline std::string read_bytes(const UniqueFd& fd, std::size_t count) {
    std::string bytes(count, '?');
    std::size_t done = 0;
    for (ssize_t got = 0; done < count && (got = ::read(fd.get(), bytes.data() + done, count - done)) > 0;)
        done += static_cast<std::size_t>(got);
    bytes.resize(done);
    return bytes;
}

inline std::string numbers_to(int last) {
    std::string text;
    for (int i = 1; i <= last; ++i)
        text += std::to_string(i) + '\n';
    return text;
}

} // namespace cedana::test
