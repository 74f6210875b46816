// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/byte_ranges.hpp"

#include <algorithm>
#include <iterator>

namespace cedana {

void ByteRanges::add(ByteRange bytes) {
    if (bytes.from >= bytes.to)
        return;
    auto at = ranges_.upper_bound(bytes.from);
    if (at != ranges_.begin() && std::prev(at)->second >= bytes.from)
        --at;
    while (at != ranges_.end() && at->first <= bytes.to) {
        bytes.from = std::min(bytes.from, at->first);
        bytes.to = std::max(bytes.to, at->second);
        at = ranges_.erase(at);
    }
    ranges_.emplace(bytes.from, bytes.to);
}

void ByteRanges::remove(ByteRange bytes) {
    auto at = ranges_.upper_bound(bytes.from);
    if (at != ranges_.begin() && std::prev(at)->second > bytes.from)
        --at;
    while (at != ranges_.end() && at->first < bytes.to) {
        const ByteRange whole{.from = at->first, .to = at->second};
        at = ranges_.erase(at);
        if (whole.from < bytes.from)
            ranges_.emplace(whole.from, bytes.from);
        if (whole.to > bytes.to)
            ranges_.emplace(bytes.to, whole.to);
    }
}

bool ByteRanges::contains(ByteRange bytes) const {
    const auto behind = ranges_.upper_bound(bytes.from);
    return behind != ranges_.begin() && std::prev(behind)->second >= bytes.to;
}

std::vector<ByteRange> ByteRanges::all() const {
    std::vector<ByteRange> all;
    for (const auto& [from, to] : ranges_)
        all.push_back({.from = from, .to = to});
    return all;
}

} // namespace cedana
