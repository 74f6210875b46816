// SPDX-License-Identifier: Apache-2.0
#include "system/page_generations.hpp"

#include "cedana/archive/image_reader.hpp"
#include "cedana/base/error.hpp"
#include "cedana/checkpoint/reader.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <span>

#include <poll.h>
#include <unistd.h>

namespace cedana::testing {

namespace {

constexpr std::size_t k_page = 4096;
// As in tests/programs/generations.cpp.
constexpr std::uint64_t k_mark = 0x6e67616e61646563U;

using Page = std::span<const std::byte, k_page>;

void wait_for_data(const ImageReader& reader) {
    pollfd entry{.fd = reader.data_ready(), .events = POLLIN, .revents = 0};
    std::uint64_t ignored = 0;
    if (::poll(&entry, 1, -1) < 0 || ::read(entry.fd, &ignored, sizeof ignored) < 0)
        throw Error(Fault::internal, "cannot wait for the data of an image");
}

// Frames hold whole pages.
void for_each_page(ImageReader& reader, const std::string& image, const std::function<void(Page)>& look) {
    const int stream = reader.open(image);
    while (!reader.at_end(stream)) {
        const auto data = reader.ready(stream);
        if (data.empty()) {
            wait_for_data(reader);
            continue;
        }
        for (std::size_t at = 0; at < data.size(); at += k_page)
            look(data.subspan(at).first<k_page>());
        reader.passed(stream, data.size());
        reader.released(stream, data.size());
    }
    reader.close(stream);
}

} // namespace

std::vector<std::uint64_t> page_generations(const std::filesystem::path& zip, std::size_t pages) {
    const Checkpoint checkpoint(zip, Keyring());
    ImageReader reader(checkpoint.zip(), checkpoint.index(), {});
    std::vector<std::uint64_t> generations(pages, 0);
    for (const ImageRecord& image : checkpoint.index().images)
        if (image.name.starts_with("pages-"))
            for_each_page(reader, image.name, [&](Page page) {
                std::array<std::uint64_t, 3> head{};
                std::memcpy(head.data(), page.data(), sizeof head);
                if (const auto [mark, number, generation] = head; mark == k_mark)
                    generations.at(number) = generation;
            });
    return generations;
}

std::size_t torn_pages(const std::vector<std::uint64_t>& generations) {
    // The program was at the first page that does not hold the first one's generation; all from there on hold the one
    // before.
    const std::uint64_t newest = generations.front();
    const auto place = std::ranges::find_if(generations, [&](std::uint64_t one) { return one != newest; });
    const auto after = generations.end() - place;
    return static_cast<std::size_t>(after - std::count(place, generations.end(), newest - 1));
}

} // namespace cedana::testing
