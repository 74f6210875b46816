// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/read_ahead.hpp"

#include <utility>

namespace cedana {

SharedStream ReadAhead::take(const ImageRecord& record) {
    const auto begun = streams_.find(record.name);
    if (begun == streams_.end()) {
        opened_.insert(record.name);
        return make_stream_(record);
    }
    SharedStream stream = std::move(begun->second);
    streams_.erase(begun);
    return stream;
}

SharedStream ReadAhead::next() {
    while (next_ != index_.images.end()) {
        const ImageRecord& record = *next_++;
        if (record.name.starts_with("pages-") && !record.frames.empty() && !opened_.contains(record.name))
            return streams_.emplace(record.name, make_stream_(record)).first->second;
    }
    return next_in_turn(streams_, turn_);
}

} // namespace cedana
