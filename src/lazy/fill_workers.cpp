// SPDX-License-Identifier: Apache-2.0
#include "cedana/lazy/fill_workers.hpp"

#include "cedana/base/memory.hpp"
#include "cedana/base/parallel.hpp"

#include <thread>

namespace cedana::criu {

FillWorkers::FillWorkers(std::uint64_t pages, const MakeReader& make_reader, FillOptions options)
    : page_size_(page_size()), pieces_(options.piece_size / page_size_), pages_total_(pages),
      pages_to_hand_over_(pages), threads_(mutex_, [this] {
          work_.notify_all();
          news_.set();
      }) {
    const unsigned background = options.threads != 0 ? options.threads : core_count();
    std::vector<std::shared_ptr<PageReader>> readers;
    for (unsigned i = 0; i <= background; ++i)
        readers.push_back(make_reader());
    for (const auto& reader : readers) {
        const Role role = reader == readers.front() ? Role::urgent : Role::background;
        threads_.start([this, reader, role](std::unique_lock<std::mutex>& lock) { work(lock, *reader, role); });
    }
}

void FillWorkers::rethrow_failure() const {
    const std::scoped_lock lock(mutex_);
    threads_.rethrow_failure();
}

FillWorkers::Image& FillWorkers::begin_task(const Pagemap& map) {
    const std::scoped_lock lock(mutex_);
    pages_to_hand_over_ -= map.lazy_pages();
    return pieces_.image_of(map);
}

void FillWorkers::add(Image& image, Space space) {
    const std::scoped_lock lock(mutex_);
    image.spaces.push_back(std::move(space));
    work_.notify_all();
}

void FillWorkers::remove(Image& image, const Space& space) {
    const std::scoped_lock lock(mutex_);
    std::erase(image.spaces, space);
}

std::vector<std::pair<FillWorkers::Image*, FillWorkers::Space>> FillWorkers::spaces() const {
    const std::scoped_lock lock(mutex_);
    return pieces_.spaces();
}

void FillWorkers::want(Image& image, const Space& space, const std::vector<std::uint64_t>& pages) {
    const std::scoped_lock lock(mutex_);
    pages_wanted_ += pages.size();
    for (const std::uint64_t page : pages)
        pieces_.want(image, space, page);
    work_.notify_all();
}

void FillWorkers::let_tree_go_on() {
    const std::scoped_lock lock(mutex_);
    tree_goes_on_ = true;
    work_.notify_all();
}

bool FillWorkers::tree_goes_on() const {
    const std::scoped_lock lock(mutex_);
    return tree_goes_on_;
}

FillProgress FillWorkers::progress() const {
    const std::scoped_lock lock(mutex_);
    return {.tree_goes_on = tree_goes_on_,
            .bytes_total = pages_total_ * page_size_,
            .bytes_left = (pages_to_hand_over_ + pieces_.pending_pages()) * page_size_,
            .pages_wanted = pages_wanted_};
}

void FillWorkers::work(std::unique_lock<std::mutex>& lock, PageReader& reader, Role role) {
    while (true) {
        std::optional<LazyPieces::Taken> taken;
        work_.wait(lock, [&] { return threads_.must_end() || (taken = take_piece(role)); });
        if (threads_.must_end())
            return;
        lock.unlock();
        fill(*taken, reader);
        lock.lock();
    }
}

std::optional<LazyPieces::Taken> FillWorkers::take_piece(Role role) {
    if (auto wanted = pieces_.take_wanted())
        return wanted;
    return role == Role::background && tree_goes_on_ ? pieces_.take_next() : std::nullopt;
}

void FillWorkers::fill(const LazyPieces::Taken& taken, PageReader& reader) {
    const LazyPieces::Image& image = *taken.place.first;
    const std::uint64_t first = pieces_.first_page_of(taken.place);
    const std::span<const std::byte> pages = reader.read(image.name, taken.place.second);
    if (taken.space)
        place_in(*taken.space, taken.page, pages.subspan((taken.page - first) * page_size_, page_size_));
    std::unique_lock lock(mutex_);
    // A child that was forked meanwhile may wait for pages of this piece too.
    while (!threads_.must_end() && pieces_.is_pending(taken.place)) {
        const std::vector<LazyPieces::Space> spaces = image.spaces;
        lock.unlock();
        for (const LazyPieces::Space& space : spaces)
            place_in(*space, first, pages);
        lock.lock();
    }
    pieces_.give_back(taken.place);
    // Spaces may be complete.
    news_.set();
}

void FillWorkers::place_in(LazySpace& space, std::uint64_t first, std::span<const std::byte> pages) const {
    while (space.place(first, pages) == LazySpace::Placed::not_yet && !threads_.must_end())
        std::this_thread::yield();
}

} // namespace cedana::criu
