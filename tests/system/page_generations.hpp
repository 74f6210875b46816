// SPDX-License-Identifier: Apache-2.0
// What a checkpoint of the program `generations` shows: whether all of its pages are from one moment.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

#include <gtest/gtest.h>

namespace cedana::testing {

// The generation in each page, in the order in which the program writes them, out of the images of a checkpoint. Pages
// that are not in the checkpoint are 0.
[[nodiscard]] std::vector<std::uint64_t> page_generations(const std::filesystem::path& zip, std::size_t pages);

// Pages that were written after the moment that the others are from: 0 for one generation followed by the one before.
[[nodiscard]] std::size_t torn_pages(const std::vector<std::uint64_t>& generations);

} // namespace cedana::testing
