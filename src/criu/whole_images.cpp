// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/whole_images.hpp"

#include <utility>

namespace cedana::criu {

int WholeImages::open(const std::string& name) {
    const std::optional<std::string> other = companion_of(name);
    // One that is not there is made of nothing.
    const bool is_there = !other || images_.exists(name);
    Stream stream{.name = name,
                  .inputs = {{.stream = is_there ? images_.open(name) : 0, .open = is_there}},
                  .may_be_changed = other.has_value()};
    if (other && !other->empty() && images_.exists(*other))
        stream.inputs.push_back({.stream = images_.open(*other)});
    streams_.emplace(++last_, std::move(stream));
    return last_;
}

std::span<const std::byte> WholeImages::ready(int stream) {
    Stream& one = whole(stream);
    if (!one.may_be_changed)
        return images_.ready(one.inputs.front().stream);
    if (!one.whole)
        return {};
    return std::as_bytes(std::span(one.inputs.front().content).subspan(one.passed));
}

void WholeImages::passed(int stream, std::size_t count) {
    Stream& one = streams_.at(stream);
    one.passed += count;
    if (!one.may_be_changed)
        images_.passed(one.inputs.front().stream, count);
}

void WholeImages::released(int stream, std::size_t count) {
    const Stream& one = streams_.at(stream);
    if (!one.may_be_changed)
        images_.released(one.inputs.front().stream, count);
}

bool WholeImages::at_end(int stream) {
    const Stream& one = whole(stream);
    if (!one.may_be_changed)
        return images_.at_end(one.inputs.front().stream);
    return one.whole && one.passed == one.inputs.front().content.size();
}

void WholeImages::close(int stream) {
    for (Input& input : streams_.at(stream).inputs)
        if (input.open) {
            images_.close(input.stream);
            input.open = false;
        }
}

// As far as its inputs are there.
WholeImages::Stream& WholeImages::whole(int stream) {
    Stream& one = streams_.at(stream);
    if (!one.may_be_changed || one.whole)
        return one;
    bool all = true;
    for (Input& input : one.inputs)
        all = read(input) && all;
    if (all) {
        change(one.name, one.inputs.front().content, one.inputs.size() == 2 ? &one.inputs.back().content : nullptr);
        if (one.inputs.size() == 2)
            one.inputs.pop_back();
        one.whole = true;
    }
    return one;
}

// Whether it is there to its end.
bool WholeImages::read(Input& input) {
    while (input.open) {
        if (images_.at_end(input.stream)) {
            images_.close(input.stream);
            input.open = false;
            break;
        }
        const std::span<const std::byte> piece = images_.ready(input.stream);
        if (piece.empty())
            return images_.at_end(input.stream) && read(input);
        input.content.append(reinterpret_cast<const char*>(piece.data()), piece.size());
        const std::size_t count = piece.size();
        images_.passed(input.stream, count);
        images_.released(input.stream, count);
    }
    return true;
}

} // namespace cedana::criu
