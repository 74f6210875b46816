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

// Goes on to the next image to begin with.
void ReadAhead::skip_others() {
    const auto is_other = [this](const ImageRecord& record) {
        return !record.name.starts_with("pages-") || record.frames.empty() || opened_.contains(record.name);
    };
    while (next_ != index_.images.end() && is_other(*next_))
        ++next_;
}

SharedStream ReadAhead::next() {
    skip_others();
    if (next_ == index_.images.end())
        return next_in_turn(streams_, turn_);
    const ImageRecord& record = *next_++;
    return streams_.emplace(record.name, make_stream_(record)).first->second;
}

bool ReadAhead::has_next() {
    skip_others();
    return next_ != index_.images.end() || any_wants_more(streams_);
}

} // namespace cedana
