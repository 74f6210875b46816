// SPDX-License-Identifier: Apache-2.0
// A target of eight threads, each of which counts in a variable of its own and appends "THREAD COUNT" to LOG.
// Usage: threads LOG
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "append_log.hpp"

namespace {

constexpr int k_threads = 8;
thread_local std::uint64_t own_count = 0;

[[noreturn]] void count(const AppendLog& log, int thread) {
    for (std::uint64_t expected = 1;; ++expected) {
        if (++own_count != expected)
            log.broken("thread " + std::to_string(thread) + " has lost its variable");
        log.line(std::to_string(thread) + " " + std::to_string(own_count));
        pause_for_a_millisecond();
    }
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 2)
        return 2;
    const AppendLog log(argv[1]);
    std::vector<std::thread> threads;
    for (int thread = 1; thread < k_threads; ++thread)
        threads.emplace_back([&log, thread] { count(log, thread); });
    count(log, 0);
}
