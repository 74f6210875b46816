// SPDX-License-Identifier: Apache-2.0
// A target of PROCESSES processes, each with known memory of its own and all with one shared mapping of known content.
// At SIGUSR1 each checks both and appends "PROCESS right" to LOG; "PROCESS ready" is appended once it waits for it.
// Usage: shared LOG PROCESSES
#include <csignal>
#include <cstdint>
#include <string>
#include <vector>

#include <sys/mman.h>

#include "append_log.hpp"
#include "known_memory.hpp"

namespace {

constexpr std::size_t k_private_words = 2UL * 1024 * 1024 / sizeof(std::uint64_t);
constexpr std::size_t k_shared_words = 32UL * 1024 * 1024 / sizeof(std::uint64_t);

[[noreturn]] void answer_signals(const AppendLog& log, const KnownMemory& shared, const sigset_t& signals,
                                 std::uint64_t process) {
    std::vector<std::uint64_t> words(k_private_words);
    const KnownMemory own(words, process + 1);
    const std::string name = std::to_string(process);
    log.line(name + " ready");
    while (true) {
        int number = 0;
        ::sigwait(&signals, &number);
        if (!own.is_right())
            log.broken("the memory of process " + name);
        if (!shared.is_right())
            log.broken("the shared memory, in process " + name);
        log.line(name + " right");
    }
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 3)
        return 2;
    const AppendLog log(argv[1]);
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR1);
    ::sigprocmask(SIG_BLOCK, &signals, nullptr);
    void* mapping = ::mmap(nullptr, k_shared_words * sizeof(std::uint64_t), PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (mapping == MAP_FAILED)
        return 2;
    const KnownMemory shared({static_cast<std::uint64_t*>(mapping), k_shared_words}, 0);
    const std::uint64_t processes = std::stoul(argv[2]);
    for (std::uint64_t process = 1; process < processes; ++process)
        if (::fork() == 0)
            answer_signals(log, shared, signals, process);
    answer_signals(log, shared, signals, 0);
}
