// SPDX-License-Identifier: Apache-2.0
#include "cedana/lazy/pieces.hpp"

namespace cedana::criu {

LazyPieces::Image& LazyPieces::image_of(const Pagemap& map) {
    std::unique_ptr<Image>& image = images_[map.pages_id];
    if (!image)
        image = std::make_unique<Image>(Image{.name = map.pages_image(), .spaces = {}});
    return *image;
}

std::vector<std::pair<LazyPieces::Image*, LazyPieces::Space>> LazyPieces::spaces() const {
    std::vector<std::pair<Image*, Space>> all;
    for (const auto& [number, image] : images_)
        for (const Space& space : image->spaces)
            all.emplace_back(image.get(), space);
    return all;
}

std::uint64_t LazyPieces::pending_pages() const {
    std::uint64_t pages = 0;
    for (const auto& [number, image] : images_)
        for (const Space& space : image->spaces)
            pages += space->pending();
    return pages;
}

void LazyPieces::want(Image& image, Space space, std::uint64_t page) {
    wanted_.push_back({.place = {&image, page / pages_a_piece_}, .space = std::move(space), .page = page});
}

std::optional<LazyPieces::Taken> LazyPieces::take_wanted() {
    while (!wanted_.empty()) {
        Taken wanted = std::move(wanted_.front());
        wanted_.pop_front();
        // Whoever has taken the piece puts all of it in place.
        if (is_pending(wanted.place) && taken_.insert(wanted.place).second)
            return wanted;
    }
    return std::nullopt;
}

std::optional<LazyPieces::Taken> LazyPieces::take_next() {
    // From where it stopped, and then once more from the start: a child may have pages pending that were passed.
    for (int round = 0; round < 2; ++round) {
        for (auto at = images_.lower_bound(next_image_); at != images_.end(); ++at) {
            std::uint64_t page = at->first == next_image_ ? next_piece_ * pages_a_piece_ : 0;
            while (const auto next = next_pending(*at->second, page)) {
                const Place place(at->second.get(), *next / pages_a_piece_);
                next_image_ = at->first;
                next_piece_ = place.second + 1;
                if (taken_.insert(place).second)
                    return Taken{.place = place};
                page = next_piece_ * pages_a_piece_;
            }
        }
        next_image_ = 0;
        next_piece_ = 0;
    }
    return std::nullopt;
}

bool LazyPieces::is_pending(const Place& place) const {
    const auto next = next_pending(*place.first, first_page_of(place));
    return next && *next / pages_a_piece_ == place.second;
}

std::optional<std::uint64_t> LazyPieces::next_pending(const Image& image, std::uint64_t page) {
    std::optional<std::uint64_t> first;
    for (const Space& space : image.spaces)
        if (const auto next = space->next_pending(page); next && (!first || *next < *first))
            first = next;
    return first;
}

} // namespace cedana::criu
