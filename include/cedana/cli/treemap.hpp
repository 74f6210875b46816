// SPDX-License-Identifier: Apache-2.0
// Areas in proportion to values, in one rectangle and as near to squares as may be: the squarified treemap of Bruls,
// Huizing and van Wijk (2000). Pure.
#pragma once

#include <span>
#include <vector>

namespace cedana {

struct Rectangle {
    double x = 0;
    double y = 0;
    double width = 0;
    double height = 0;
};

// One rectangle a value, in the order of `values`; one without an area for a value that is not above 0.
[[nodiscard]] std::vector<Rectangle> treemap(std::span<const double> values, Rectangle room);

} // namespace cedana
