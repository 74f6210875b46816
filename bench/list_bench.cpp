// SPDX-License-Identifier: Apache-2.0
// How long a store of 10,000 checkpoints takes to list: files in memory, 11 runs, the median.
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/store/catalog.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <string>

#include <spdlog/fmt/fmt.h>

#include "support/synthetic_checkpoint.hpp"

namespace {

constexpr std::size_t k_checkpoints = 10'000;

void fill(const std::filesystem::path& store) {
    using namespace std::chrono_literals;
    const auto now = std::chrono::system_clock::now();
    for (std::size_t i = 0; i < k_checkpoints; ++i) {
        const auto when = now - i * 1min;
        const std::string name = fmt::format("service-{}", i % 97);
        cedana::testing::write_checkpoint(
            store / fmt::format("{}_{}.zip", name, cedana::utc_compact(when)),
            cedana::testing::plausible_manifest(name, static_cast<pid_t>(1000 + i % 97), cedana::utc_iso(when)));
    }
}

double time_of_one_listing(const std::filesystem::path& store) {
    const auto start = std::chrono::steady_clock::now();
    const auto entries = cedana::read_catalog(store, cedana::Keyring(), cedana::Interrupt::none());
    const std::chrono::duration<double, std::milli> taken = std::chrono::steady_clock::now() - start;
    const auto is_checkpoint = [](const auto& entry) { return entry.kind == cedana::EntryKind::checkpoint; };
    if (entries.size() != k_checkpoints || !std::all_of(entries.begin(), entries.end(), is_checkpoint))
        throw cedana::Error(cedana::Fault::internal, "the listing is not complete");
    return taken.count();
}

} // namespace

int main() {
    try {
        const cedana::TempDir store("/dev/shm", "list-bench");
        fill(store.path());
        std::array<double, 11> times{};
        const std::clock_t before = std::clock();
        std::generate(times.begin(), times.end(), [&] { return time_of_one_listing(store.path()); });
        const double cpu = static_cast<double>(std::clock() - before) * 1000 / CLOCKS_PER_SEC / times.size();
        std::sort(times.begin(), times.end());
        fmt::print(
            "{} checkpoints: median {:.0f} ms, least {:.0f} ms, most {:.0f} ms over {} runs, {:.0f} ms of CPU each\n",
            k_checkpoints, times[times.size() / 2], times.front(), times.back(), times.size(), cpu);
        return EXIT_SUCCESS;
    } catch (const std::exception& error) {
        fmt::print(stderr, "{}\n", error.what());
        return EXIT_FAILURE;
    }
}
