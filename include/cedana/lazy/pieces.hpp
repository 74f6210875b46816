// SPDX-License-Identifier: Apache-2.0
// Which pieces of which images are still to be brought, in which order, and which of them a thread has taken on. Not
// for several threads: FillWorkers guards it.
#pragma once

#include "cedana/criu/pagemap.hpp"
#include "cedana/lazy/space.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace cedana::criu {

class LazyPieces {
  public:
    using Space = std::shared_ptr<LazySpace>;
    struct Image {
        std::string name;
        // Those of the task that it belongs to, and of children that were forked since.
        std::vector<Space> spaces;
    };
    // An image and the number of a piece of it. Images never go before this object does.
    using Place = std::pair<Image*, std::uint64_t>;
    struct Taken {
        Place place;
        // The space in which somebody waits for the page; null if nobody does.
        Space space = nullptr;
        std::uint64_t page = 0;
    };

    explicit LazyPieces(std::uint64_t pages_a_piece) : pages_a_piece_(pages_a_piece) {}

    [[nodiscard]] std::uint64_t first_page_of(const Place& place) const { return place.second * pages_a_piece_; }
    [[nodiscard]] Image& image_of(const Pagemap& map);
    // With their images.
    [[nodiscard]] std::vector<std::pair<Image*, Space>> spaces() const;
    [[nodiscard]] std::uint64_t pending_pages() const;

    // Somebody waits for the page.
    void want(Image& image, Space space, std::uint64_t page);
    // Takes the first such piece that nobody has taken.
    [[nodiscard]] std::optional<Taken> take_wanted();
    // Takes the next piece in the order of the images.
    [[nodiscard]] std::optional<Taken> take_next();
    // A page of it is pending somewhere.
    [[nodiscard]] bool is_pending(const Place& place) const;
    void give_back(const Place& place) { taken_.erase(place); }

  private:
    [[nodiscard]] static std::optional<std::uint64_t> next_pending(const Image& image, std::uint64_t page);

    std::uint64_t pages_a_piece_;
    // By the numbers of their files.
    std::map<std::uint64_t, std::unique_ptr<Image>> images_;
    std::deque<Taken> wanted_;
    std::set<Place> taken_;
    // Where take_next() goes on.
    std::uint64_t next_image_ = 0;
    std::uint64_t next_piece_ = 0;
};

} // namespace cedana::criu
