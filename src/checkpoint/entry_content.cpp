// SPDX-License-Identifier: Apache-2.0
#include "entry_content.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"

#include <array>
#include <cerrno>
#include <cstdint>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <poll.h>
#include <unistd.h>

namespace cedana {

std::span<const std::byte> EntryContent::next() {
    if (handed_out_ != 0) {
        reader_.passed(stream_, handed_out_);
        reader_.released(stream_, std::exchange(handed_out_, 0));
    }
    while (true) {
        interrupt_.throw_if_pending();
        const std::span<const std::byte> piece = reader_.ready(stream_);
        if (piece.empty() && !reader_.at_end(stream_)) {
            wait();
            continue;
        }
        if (piece.empty())
            compare();
        digest_.add(piece);
        handed_out_ = piece.size();
        return piece;
    }
}

void EntryContent::wait() const {
    std::array<pollfd, 2> set = {{{reader_.data_ready(), POLLIN, 0}, {interrupt_.fd(), POLLIN, 0}}};
    if (::poll(set.data(), set.size(), -1) < 0 && errno != EINTR)
        throw OsFailure().error("cannot poll");
    std::uint64_t count = 0;
    if (set[0].revents != 0 && ::read(reader_.data_ready(), &count, sizeof count) < 0)
        return;
}

void EntryContent::compare() {
    if (hex(digest_.finish()) != file_.digest)
        throw Error(Fault::checkpoint, fmt::format("the content of {} in the checkpoint does not have the digest "
                                                   "that the manifest gives",
                                                   printable(file_.path)));
}

} // namespace cedana
