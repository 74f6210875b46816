// SPDX-License-Identifier: Apache-2.0
#include "cedana/cli/treemap.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <numeric>

namespace cedana {

namespace {

// The worst ratio of sides in a row of these areas along a side of this length.
double worst_ratio(std::span<const double> areas, double side) {
    const double sum = std::accumulate(areas.begin(), areas.end(), 0.0);
    const auto [least, most] = std::ranges::minmax(areas);
    return std::max(side * side * most / (sum * sum), sum * sum / (side * side * least));
}

// Places a row along the shorter side of the room; what is left of the room.
Rectangle place_row(std::span<const double> areas, Rectangle room, std::vector<Rectangle>& out) {
    const double sum = std::accumulate(areas.begin(), areas.end(), 0.0);
    const bool upright = room.width >= room.height;
    const double thickness = sum / (upright ? room.height : room.width);
    double offset = 0;
    for (const double area : areas) {
        const double length = area / thickness;
        out.push_back(upright ? Rectangle{room.x, room.y + offset, thickness, length}
                              : Rectangle{room.x + offset, room.y, length, thickness});
        offset += length;
    }
    return upright ? Rectangle{room.x + thickness, room.y, std::max(room.width - thickness, 0.0), room.height}
                   : Rectangle{room.x, room.y + thickness, room.width, std::max(room.height - thickness, 0.0)};
}

} // namespace

std::vector<Rectangle> treemap(std::span<const double> values, Rectangle room) {
    std::vector<std::size_t> order;
    double sum = 0;
    for (std::size_t i = 0; i < values.size(); ++i)
        if (values[i] > 0) {
            order.push_back(i);
            sum += values[i];
        }
    std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return values[a] > values[b]; });
    std::vector<double> areas;
    for (const std::size_t i : order)
        areas.push_back(values[i] / sum * room.width * room.height);

    std::vector<Rectangle> placed;
    for (std::size_t first = 0; first < areas.size();) {
        const double side = std::min(room.width, room.height);
        std::size_t count = 1;
        double ratio = std::numeric_limits<double>::infinity();
        while (first + count <= areas.size()) {
            const double next = worst_ratio(std::span(areas).subspan(first, count), side);
            if (next > ratio)
                break;
            ratio = next;
            ++count;
        }
        room = place_row(std::span(areas).subspan(first, count - 1), room, placed);
        first += count - 1;
    }
    std::vector<Rectangle> rectangles(values.size());
    for (std::size_t i = 0; i < order.size(); ++i)
        rectangles[order[i]] = placed[i];
    return rectangles;
}

} // namespace cedana
