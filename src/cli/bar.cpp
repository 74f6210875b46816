// SPDX-License-Identifier: Apache-2.0
#include "cedana/cli/bar.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

namespace cedana {

std::string bar(double part, std::size_t width) {
    static constexpr std::array<std::string_view, 8> k_eighths = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    const double clamped = std::clamp(part, 0.0, 1.0);
    auto eighths = static_cast<std::size_t>(std::lround(clamped * static_cast<double>(width) * 8));
    if (clamped > 0 && width > 0)
        eighths = std::max<std::size_t>(eighths, 1);
    std::string text;
    for (std::size_t i = 0; i < eighths / 8; ++i)
        text += "█";
    return text + std::string(k_eighths[eighths % 8]);
}

double share(double part, double whole) { return whole > 0 ? part / whole : 0; }

} // namespace cedana
