// SPDX-License-Identifier: Apache-2.0
// damage_report ZIP [STRIDE]: every STRIDE-th byte of a checkpoint flipped, in each of its bits and in all at once, and
// every STRIDE-th truncation of it; what verify finds, as a table. Ends with 1 if anything was missed.
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"

#include <cstdio>
#include <cstdlib>
#include <string>

#include "support/damage.hpp"

namespace {

using cedana::testing::DamageCount;

bool print(const std::string& what, const DamageCount& count) {
    std::printf("%-12s %8zu tried %8zu found %4zu without effect %4zu missed", what.c_str(), count.tried, count.found,
                count.without_effect.size(), count.missed.size());
    for (const std::size_t offset : count.without_effect)
        std::printf(" =%zu", offset);
    for (const std::size_t offset : count.missed)
        std::printf(" !%zu", offset);
    std::printf("\n");
    std::fflush(stdout);
    return count.missed.empty();
}

bool report(const char* path, std::size_t stride) {
    const std::string checkpoint = cedana::read_file(path);
    std::printf("%s: %zu bytes\n", path, checkpoint.size());
    bool all_found = print("cut", cedana::testing::cut(checkpoint, stride));
    all_found &= print("all bits", cedana::testing::flip_bytes(checkpoint, stride, 0xff));
    for (int bit = 0; bit < 8; ++bit)
        all_found &= print("bit " + std::to_string(bit),
                           cedana::testing::flip_bytes(checkpoint, stride, static_cast<unsigned char>(1 << bit)));
    return all_found;
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fputs("usage: damage_report ZIP [STRIDE]\n", stderr);
        return 2;
    }
    try {
        return report(argv[1], argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 1) ? 0 : 1;
    } catch (const cedana::Error& error) {
        std::fprintf(stderr, "damage_report: %s\n", error.what());
        return 2;
    }
}
