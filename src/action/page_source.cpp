// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/page_source.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/file_reads.hpp"
#include "cedana/base/files.hpp"
#include "cedana/checkpoint/huge_memory.hpp"
#include "cedana/checkpoint/reader.hpp"
#include "cedana/lazy/memory.hpp"
#include "cedana/migration/messages.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include <fcntl.h>

namespace cedana {

namespace fs = std::filesystem;
using migration::Frame;
using migration::FrameType;

namespace {

// Huge pages are put in place before the tree runs, out of the file.
std::vector<ByteRange> ranges_that_wait(const fs::path& path, const Keyring& keyring) {
    const Checkpoint checkpoint(path, keyring);
    if (!read_huge_memory(checkpoint).tasks.empty())
        return {};
    return lazy_ranges(checkpoint, read_lazy_memory(checkpoint));
}

} // namespace

PageSource::PageSource(migration::Connection& there, const fs::path& checkpoint, const Keyring& keyring)
    : there_(there), path_(checkpoint), file_(open_file(checkpoint, O_RDONLY)), size_(fs::file_size(checkpoint)),
      waiting_(ranges_that_wait(checkpoint, keyring)), frames_(there.peer()) {
    for (const ByteRange& range : waiting_)
        total_ += range.to - range.from;
}

PageSource::~PageSource() {
    must_end_ = true;
    end_.set();
    if (thread_.joinable())
        thread_.join();
}

void PageSource::send_ahead(
    const std::vector<ByteRange>& sent,
    const std::function<void(std::uint64_t offset, std::span<const std::byte> bytes)>& send) const {
    std::vector<std::byte> piece(migration::k_longest_piece);
    std::uint64_t at = 0;
    const auto send_up_to = [&](std::uint64_t end) {
        while (at < end) {
            const auto part = std::span(piece).first(std::min<std::uint64_t>(piece.size(), end - at));
            if (read_at(file_.get(), at, part, path_) != part.size())
                throw Error(Fault::storage, "the checkpoint was cut while it was sent");
            send(at, part);
            at += part.size();
        }
    };
    std::vector<ByteRange> left_out = waiting_;
    left_out.insert(left_out.end(), sent.begin(), sent.end());
    std::ranges::sort(left_out, {}, &ByteRange::from);
    for (const ByteRange& range : left_out) {
        send_up_to(range.from);
        at = std::max(at, range.to);
    }
    send_up_to(size_);
}

void PageSource::start() {
    thread_ = std::thread([this] { serve(); });
}

void PageSource::serve() noexcept {
    constexpr auto k_look_every = std::chrono::seconds(1);
    try {
        while (!must_end_)
            if (there_.is_ready_within(k_look_every, end_.fd()))
                serve_one();
    } catch (const Error& error) {
        take_last_words();
        frames_.fail(error);
    } catch (const std::exception& error) {
        frames_.fail(Error(Fault::internal, error.what()));
    }
}

// It may have said why before it went.
void PageSource::take_last_words() noexcept {
    constexpr auto k_limit = std::chrono::seconds(2);
    try {
        while (there_.is_ready_within(k_limit, end_.fd()))
            if (Frame frame = there_.receive(k_limit, Interrupt::none()); frame.type != FrameType::want)
                frames_.push(std::move(frame));
    } catch (const std::exception&) {
        // It has said all.
    }
}

void PageSource::serve_one() {
    // Of a frame that has begun to come.
    constexpr auto k_frame_limit = std::chrono::seconds(30);
    Frame frame = there_.receive(k_frame_limit, Interrupt::none());
    if (frame.type == FrameType::alive)
        return frames_.stirred();
    if (frame.type != FrameType::want)
        return frames_.push(std::move(frame));
    const migration::Want want = migration::parse_want(frame.payload);
    std::vector<std::byte> piece(want.size);
    if (read_at(file_.get(), want.offset, piece, path_) != piece.size())
        throw Error(Fault::connection, "the other end wants what is not in the checkpoint");
    there_.send(FrameType::data, migration::write_data_head(want.offset, piece), piece);
    gone_ += piece.size();
    frames_.stirred();
}

} // namespace cedana
