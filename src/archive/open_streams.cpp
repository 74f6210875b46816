// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/open_streams.hpp"

#include <utility>

namespace cedana {

int OpenStreams::add(SharedStream stream) {
    streams_.emplace(++last_number_, std::move(stream));
    return last_number_;
}

SharedStream OpenStreams::remove(int number) {
    const auto found = streams_.find(number);
    SharedStream stream = std::move(found->second);
    streams_.erase(found);
    stream->closed = true;
    return stream;
}

SharedStream OpenStreams::find_without_frame() const {
    for (const auto& [number, stream] : streams_)
        if (stream->next == stream->current && stream->wants_more())
            return stream;
    return nullptr;
}

} // namespace cedana
