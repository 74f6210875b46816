// SPDX-License-Identifier: Apache-2.0
// A target whose memory shows whether a snapshot of it was taken at one moment: it writes a generation number into KIB
// kibibytes of pages, in order and for ever. At any moment the first pages hold one generation and all others the one
// before. Each page begins with {mark, number of the page, generation}; the rest is hard to compress. READY is created
// after the first generation.
// Usage: generations KIB READY
#include <cstdint>
#include <random>
#include <string>

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

constexpr std::size_t k_page = 4096;
// "cedanagn"
constexpr std::uint64_t k_mark = 0x6e67616e61646563U;
constexpr std::uint64_t k_few_values = 0x0f0f0f0f0f0f0f0fU;

} // namespace

int main(int argc, char** argv) {
    if (argc != 3)
        return 2;
    const std::size_t pages = std::stoul(argv[1]) * 1024 / k_page;
    void* memory =
        ::mmap(nullptr, pages * k_page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (memory == MAP_FAILED)
        return 2;
    const auto page = [&](std::size_t i) {
        return reinterpret_cast<volatile std::uint64_t*>(static_cast<char*>(memory) + i * k_page);
    };
    std::mt19937_64 random(1);
    for (std::size_t i = 0; i < pages; ++i) {
        page(i)[0] = k_mark;
        page(i)[1] = i;
        for (std::size_t word = 3; word < k_page / sizeof(std::uint64_t); ++word)
            page(i)[word] = random() & k_few_values;
    }
    for (std::uint64_t generation = 1;; ++generation) {
        for (std::size_t i = 0; i < pages; ++i)
            page(i)[2] = generation;
        if (generation == 1)
            // Without having it open.
            ::mknod(argv[2], S_IFREG | 0600, 0);
    }
}
