// SPDX-License-Identifier: Apache-2.0
// A target that counts, about a thousand times a second, and appends each count to LOG. It checks what it remembers of
// its last counts, and a part of MIB mebibytes of known memory, at each step. Usage: counter LOG MIB
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "append_log.hpp"
#include "known_memory.hpp"

int main(int argc, char** argv) {
    if (argc != 3)
        return 2;
    const AppendLog log(argv[1]);
    std::vector<std::uint64_t> words(std::stoul(argv[2]) * 1024 * 1024 / sizeof(std::uint64_t));
    const KnownMemory memory(words, 1);
    constexpr std::size_t k_part = 64UL * 1024 / sizeof(std::uint64_t);
    std::array<std::uint64_t, 1024> last{};
    std::size_t checked = 0;
    for (std::uint64_t count = 1;; ++count) {
        if (last[(count - 1) % last.size()] != count - 1)
            log.broken("the count before " + std::to_string(count) + " is lost");
        last[count % last.size()] = count;
        if (!memory.is_right(checked, k_part))
            log.broken("the memory at word " + std::to_string(checked));
        checked = checked + k_part < memory.size() ? checked + k_part : 0;
        log.line(std::to_string(count));
        pause_for_a_millisecond();
    }
}
