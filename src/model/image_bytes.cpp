// SPDX-License-Identifier: Apache-2.0
#include "cedana/model/image_bytes.hpp"

#include "cedana/base/error.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>

#include <poll.h>
#include <unistd.h>

namespace cedana {

namespace {

void wait_for_event(int event, const Interrupt& interrupt) {
    std::array<pollfd, 2> set = {{{event, POLLIN, 0}, {interrupt.fd(), POLLIN, 0}}};
    if (::poll(set.data(), set.size(), -1) < 0 && errno != EINTR)
        throw OsFailure().error("cannot poll");
    std::uint64_t count = 0;
    if (set[0].revents != 0 && ::read(event, &count, sizeof count) < 0)
        return;
    interrupt.throw_if_pending();
}

} // namespace

void wait_for_space(const ImageSink& sink, const Interrupt& interrupt) {
    wait_for_event(sink.space_ready(), interrupt);
}

void fill_image(ImageSink& sink, int image, std::span<const std::byte> bytes, const Interrupt& interrupt) {
    while (!bytes.empty()) {
        const std::span<std::byte> space = sink.space(image);
        if (space.empty()) {
            wait_for_space(sink, interrupt);
            continue;
        }
        const std::size_t count = std::min(space.size(), bytes.size());
        std::ranges::copy(bytes.first(count), space.begin());
        sink.filled(image, count);
        bytes = bytes.subspan(count);
    }
}

std::span<const std::byte> ImageBytes::next() {
    if (given_ != 0) {
        source_.passed(stream_, given_);
        source_.released(stream_, given_);
        given_ = 0;
    }
    while (true) {
        const std::span<const std::byte> bytes = source_.ready(stream_);
        given_ = bytes.size();
        if (!bytes.empty() || source_.at_end(stream_))
            return bytes;
        wait_for_event(source_.data_ready(), interrupt_);
    }
}

} // namespace cedana
