// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/frame_index.hpp"

#include "cedana/base/error.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <limits>
#include <optional>
#include <utility>

#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

constexpr std::string_view k_first_line = "cedana-index 1";
constexpr std::string_view k_first_line_sealed = "cedana-index 2";
constexpr std::string_view k_sealed_folder = "data/";
// NAME_MAX of Linux: an image was a file of a folder.
constexpr std::size_t k_longest_image_name = 255;

bool is_fit_name(std::string_view name) {
    const auto is_fit = [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f && c != '/'; };
    return !name.empty() && name.size() <= k_longest_image_name && name != "." && name != ".." &&
           std::ranges::all_of(name, is_fit);
}

// What is wrong with a frame that begins at `offset` and of which `rest` bytes of the image are still to come;
// empty if nothing is.
// `added`: what a seal adds.
std::string_view flaw_of(const FrameRecord& frame, Method method, std::uint64_t offset, std::uint64_t rest,
                         std::uint64_t added) {
    if (frame.offset != offset)
        return "a frame does not begin where the one before ends";
    if (frame.size == 0 || frame.size != std::min<std::uint64_t>(rest, k_frame_size))
        return "a frame has the wrong size";
    if (frame.compressed <= added || frame.compressed > compressed_bound(frame.size) + added)
        return "a frame has an impossible compressed size";
    if (method == Method::store && frame.compressed != frame.size + added)
        return "a stored frame differs in its two sizes";
    return {};
}

std::string_view flaw_of(const ImageRecord& image) {
    if (!is_fit_name(image.name))
        return "the name of an image is not fit to be one";
    if (image.size == 0 && image.crc != 0)
        return "an empty image has a checksum";
    std::uint64_t offset = 0;
    std::uint64_t rest = image.size;
    for (const FrameRecord& frame : image.frames) {
        const std::string_view flaw = flaw_of(frame, image.method, offset, rest, image.seal ? k_seal_size : 0);
        if (!flaw.empty())
            return flaw;
        offset += frame.compressed;
        rest -= frame.size;
    }
    return rest == 0 ? std::string_view() : "frames are missing";
}

class Parser {
  public:
    Parser(std::string_view text, const std::shared_ptr<const Seal>& seal) : rest_(text), seal_(seal) {}

    FrameIndex index() {
        if (line() != (seal_ ? k_first_line_sealed : k_first_line))
            throw damaged("it does not begin as an index of this kind");
        FrameIndex index;
        std::string_view text = line();
        for (; take_word(text) == "image"; text = line())
            add(index, image(text));
        if (current_ != fmt::format("end {}", index.images.size()) || !rest_.empty())
            throw damaged("its end is not as it should be");
        return index;
    }

  private:
    [[nodiscard]] Error damaged(std::string_view what) const {
        return {Fault::checkpoint, fmt::format("the index is damaged in line {}: {}", number_, what)};
    }

    std::string_view line() {
        ++number_;
        const std::size_t end = rest_.find('\n');
        if (end == std::string_view::npos)
            throw damaged("it ends too early");
        current_ = rest_.substr(0, end);
        rest_.remove_prefix(end + 1);
        return current_;
    }

    // Removes the text up to the next space, and that space, from the front of `text`.
    static std::string_view take_word(std::string_view& text) {
        const std::size_t end = text.find(' ');
        const std::string_view word = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        return word;
    }

    template <typename Number>
    Number take_number(std::string_view& text) const {
        const std::string_view word = take_word(text);
        Number number = 0;
        const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
        const bool is_canonical = !word.empty() && (word.size() == 1 || word.front() != '0');
        if (error != std::errc() || end != word.data() + word.size() || !is_canonical)
            throw damaged("a number is expected");
        return number;
    }

    std::uint32_t take_crc(std::string_view& text) const {
        const std::string_view word = take_word(text);
        std::uint32_t crc = 0;
        std::from_chars(word.data(), word.data() + word.size(), crc, 16);
        if (fmt::format("{:08x}", crc) != word)
            throw damaged("a CRC is expected");
        return crc;
    }

    ImageRecord image(std::string_view text) {
        ImageRecord image;
        if (!parse_method(take_word(text), image.method))
            throw damaged("the compression method is unknown");
        image.size = take_number<std::uint64_t>(text);
        image.crc = take_crc(text);
        const auto frames = take_number<std::uint64_t>(text);
        image.seal = seal_;
        if (seal_)
            image.entry = take_number<std::uint64_t>(text);
        image.name = text;
        // The count may be any number: memory is taken for lines that are there, not for ones that are announced.
        for (std::uint64_t i = 0; i < frames; ++i)
            image.frames.push_back(frame(line()));
        const std::string_view flaw = flaw_of(image);
        if (!flaw.empty())
            throw damaged(flaw);
        return image;
    }

    [[nodiscard]] FrameRecord frame(std::string_view text) const {
        FrameRecord frame;
        frame.offset = take_number<std::uint64_t>(text);
        frame.compressed = take_number<std::uint32_t>(text);
        frame.size = take_number<std::uint32_t>(text);
        if (!parse_hex(text, frame.digest))
            throw damaged("a SHA-256 is expected");
        return frame;
    }

    void add(FrameIndex& index, ImageRecord image) const {
        if (!index.images.empty() && index.images.rbegin()->name >= image.name)
            throw damaged("the images are not in the order of their names");
        index.images.insert(index.images.end(), std::move(image));
    }

    std::string_view rest_;
    const std::shared_ptr<const Seal>& seal_;
    std::string_view current_;
    std::size_t number_ = 0;
};

void put_32(std::vector<std::byte>& out, std::uint32_t value) {
    for (unsigned shift = 0; shift < 32; shift += 8)
        out.push_back(static_cast<std::byte>(value >> shift));
}

} // namespace

std::string ImageRecord::entry_name(const std::string& folder) const {
    return seal ? fmt::format("{}{}", k_sealed_folder, entry) : folder + name;
}

const ImageRecord* FrameIndex::find(std::string_view name) const {
    const auto image = images.find(name);
    return image == images.end() ? nullptr : &*image;
}

void append_frame(ImageRecord& image, std::uint32_t compressed, std::uint32_t size, const Sha256& digest) {
    image.frames.push_back({.offset = image.end_of_frames(), .compressed = compressed, .size = size, .digest = digest});
}

std::string write_index(const FrameIndex& index) {
    fmt::memory_buffer text;
    auto out = std::back_inserter(text);
    const bool is_sealed = !index.images.empty() && index.images.begin()->seal != nullptr;
    fmt::format_to(out, "{}\n", is_sealed ? k_first_line_sealed : k_first_line);
    for (const ImageRecord& image : index.images) {
        const std::string_view flaw = flaw_of(image);
        if (!flaw.empty())
            throw Error(Fault::internal, fmt::format("cannot write the index: {} ({})", flaw, image.name));
        fmt::format_to(out, "image {} {} {:08x} {} {}{}\n", name_of(image.method), image.size, image.crc,
                       image.frames.size(), is_sealed ? fmt::format("{} ", image.entry) : "", image.name);
        for (const FrameRecord& frame : image.frames)
            fmt::format_to(out, "{} {} {} {}\n", frame.offset, frame.compressed, frame.size, hex(frame.digest));
    }
    fmt::format_to(out, "end {}\n", index.images.size());
    return fmt::to_string(text);
}

FrameIndex read_index(std::string_view text, const std::shared_ptr<const Seal>& seal) {
    return Parser(text, seal).index();
}

std::vector<std::byte> seek_table(std::span<const FrameRecord> frames) {
    constexpr std::uint32_t k_skippable_magic = 0x184D2A5E;
    constexpr std::uint32_t k_seekable_magic = 0x8F92EAB1;
    constexpr std::uint32_t k_footer_size = 9;
    constexpr std::size_t k_most_frames = 0x8000000;
    constexpr std::byte k_without_checksums{0};

    if (frames.size() > k_most_frames)
        throw Error(Fault::internal, fmt::format("{} frames are too many for a seek table", frames.size()));
    const auto count = static_cast<std::uint32_t>(frames.size());
    std::vector<std::byte> table;
    table.reserve(8 + 8UL * count + k_footer_size);
    put_32(table, k_skippable_magic);
    put_32(table, 8 * count + k_footer_size);
    for (const FrameRecord& frame : frames) {
        put_32(table, frame.compressed);
        put_32(table, frame.size);
    }
    put_32(table, count);
    table.push_back(k_without_checksums);
    put_32(table, k_seekable_magic);
    return table;
}

} // namespace cedana
