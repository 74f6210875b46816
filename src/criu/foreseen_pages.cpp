// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/foreseen_pages.hpp"

#include "cedana/base/files.hpp"
#include "cedana/base/memory.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <unistd.h>

namespace cedana::criu {

namespace {

// Then others have their turn.
constexpr std::uint64_t k_most_at_once = 16UL * 1024 * 1024;

// Those that lie side by side as one.
std::vector<AddressRange> joined(const std::vector<AddressRange>& ranges) {
    std::vector<AddressRange> all;
    for (const AddressRange& range : ranges) {
        if (!all.empty() && all.back().end == range.start)
            all.back().end = range.end;
        else
            all.push_back(range);
    }
    return all;
}

std::vector<AddressRange> ranges_of(const std::vector<ForeseenRun>& runs) {
    std::vector<AddressRange> ranges;
    for (const ForeseenRun& run : runs)
        ranges.push_back({.start = run.address, .end = run.address + run.size});
    return joined(ranges);
}

std::vector<AddressRange> ranges_of(const Pagemap& map) {
    std::vector<AddressRange> ranges;
    for (const PageRun& run : map.runs)
        ranges.push_back({.start = run.address, .end = run.address + run.pages * page_size()});
    return joined(ranges);
}

} // namespace

OtherPages::OtherPages(pid_t task)
    : Error(Fault::dump_failed,
            fmt::format("criu has sent other pages of process {} than /proc told: memory that was copied before the "
                        "tree stood still does not fit",
                        task)) {}

PageFlow::PageFlow(pid_t task, std::vector<ForeseenRun> runs)
    : task_(task), runs_(std::move(runs)), nowhere_(open_file("/dev/null", O_WRONLY)) {}

PageFlow::Read PageFlow::read(int pipe, ImageSink& sink, int image) {
    for (const std::uint64_t most = bytes_ + k_most_at_once; bytes_ < most;) {
        const std::ptrdiff_t count = run_ < runs_.size() ? take(pipe, sink, image) : take_beyond(pipe);
        if (count < 0) {
            const int err = errno;
            if (err == EAGAIN || err == EINTR)
                return Read::nothing_yet;
            throw os_error(err, "cannot read an image from criu");
        }
        if (count == 0) {
            if (run_ < runs_.size())
                throw OtherPages(task_);
            return Read::end;
        }
        bytes_ += static_cast<std::uint64_t>(count);
    }
    return Read::some;
}

// Of the run; as read(2).
std::ptrdiff_t PageFlow::take(int pipe, ImageSink& sink, int image) {
    const ForeseenRun& run = runs_[run_];
    const std::uint64_t left = run.size - taken_;
    std::byte* const place = run.place + taken_;
    const std::ptrdiff_t count =
        run.is_known ? ::splice(pipe, nullptr, nowhere_.get(), nullptr, left, SPLICE_F_NONBLOCK | SPLICE_F_MOVE)
                     : ::read(pipe, place, left);
    if (count <= 0)
        return count;
    sink.refer(image, {place, static_cast<std::size_t>(count)});
    taken_ += static_cast<std::uint64_t>(count);
    if (taken_ == run.size) {
        ++run_;
        taken_ = 0;
    }
    return count;
}

std::ptrdiff_t PageFlow::take_beyond(int pipe) const {
    std::array<std::byte, 1> more{};
    const std::ptrdiff_t count = ::read(pipe, more.data(), more.size());
    if (count > 0)
        throw OtherPages(task_);
    return count;
}

void PageFlow::check(const std::string& pagemap, const std::string& pages) const {
    const Pagemap sent = parse_pagemap(pagemap);
    if (sent.pages_image() != pages || ranges_of(sent) != ranges_of(runs_))
        throw OtherPages(task_);
}

} // namespace cedana::criu
