// SPDX-License-Identifier: Apache-2.0
// A process for the benchmark: MIB megabytes of mixed content, a quarter random, half text-like, a quarter small
// integers. Says on stdout when it is ready, closes it, and then waits; with LOG it appends a byte to it a millisecond;
// with PERCENT it writes to so many of its pages instead, over and over.
// Usage: bench_memory [MIB [LOG | - PERCENT]]
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string_view>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace {

constexpr std::size_t k_mib = 1024UL * 1024;

void fill_random(char* to, std::size_t size, std::mt19937_64& random) {
    for (std::size_t i = 0; i + 8 <= size; i += 8) {
        const std::uint64_t value = random();
        __builtin_memcpy(to + i, &value, 8);
    }
}

void fill_text(char* to, std::size_t size, std::mt19937_64& random) {
    static constexpr std::string_view k_words[] = {
        "checkpoint ", "restore ", "process ", "memory ", "image ", "page ", "the ",         "of ",
        "and ",        "server ",  "request ", "value=",  "0x7ffd", "\n",    "information ", "warning: "};
    for (std::size_t i = 0; i < size;) {
        const std::uint64_t value = random();
        const std::string_view word = k_words[value % std::size(k_words)];
        for (std::size_t k = 0; k < word.size() && i < size; ++k)
            to[i++] = word[k];
        if (i < size)
            to[i++] = static_cast<char>('a' + (value >> 32) % 26);
    }
}

void fill_integers(char* to, std::size_t size, std::mt19937_64& random) {
    for (std::size_t i = 0; i + 4 <= size; i += 4) {
        const auto value = static_cast<std::uint32_t>(random() % 1000);
        __builtin_memcpy(to + i, &value, 4);
    }
}

// Looks at a page and tells of it, once a millisecond.
[[noreturn]] void show_progress(const char* memory, std::size_t size, const char* log) {
    const int fd = ::open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    std::mt19937_64 random(7);
    while (true) {
        const char byte = memory[random() % size] == 0 ? '0' : '1';
        if (::write(fd, &byte, 1) != 1)
            std::_Exit(1);
        ::usleep(1000);
    }
}

// The first of them. A pause after each hundred pages, so that others have the processor too.
[[noreturn]] void change(char* memory, std::size_t size, std::size_t percent) {
    constexpr std::size_t k_page = 4096;
    for (std::uint64_t count = 0;;)
        for (std::size_t offset = 0; offset < size / 100 * percent; offset += k_page) {
            *reinterpret_cast<volatile std::uint64_t*>(memory + offset) = ++count;
            if (count % 100 == 0)
                ::usleep(1000);
        }
}

} // namespace

int main(int argc, char** argv) {
    const std::size_t mib = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 256;
    const std::size_t size = mib * k_mib;
    char* memory =
        static_cast<char*>(::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (memory == MAP_FAILED)
        return 1;
    std::mt19937_64 random(42);
    // Mixed megabyte by megabyte, so that every part of the image has all kinds.
    for (std::size_t block = 0; block < mib; ++block) {
        char* to = memory + block * k_mib;
        if (block % 4 == 0)
            fill_random(to, k_mib, random);
        else if (block % 4 == 3)
            fill_integers(to, k_mib, random);
        else
            fill_text(to, k_mib, random);
    }
    std::puts("ready");
    std::fflush(stdout);
    // A pipe to whoever waited for that word would connect the process to one outside of its tree.
    if (std::freopen("/dev/null", "w", stdout) == nullptr)
        return 1;
    if (argc > 3)
        change(memory, size, std::strtoul(argv[3], nullptr, 10));
    if (argc > 2)
        show_progress(memory, size, argv[2]);
    while (true)
        ::pause();
}
