// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/frame_sums.hpp"

#include "cedana/base/error.hpp"

#include <charconv>
#include <iterator>
#include <utility>

#include <spdlog/fmt/fmt.h>

// Its functions are compiled into this file.
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace cedana {

namespace {

constexpr std::string_view k_first_line_of_sums = "cedana-sums 1 xxh3-64";

// What the next line must be, or begin with, and what is left behind it.
class SumLines {
  public:
    explicit SumLines(std::string_view text) : rest_(text) {}

    void require(std::string_view expected) {
        if (line() != expected)
            throw damaged(fmt::format("'{}' is expected", expected));
    }

    std::uint64_t sum() {
        const std::string_view text = line();
        std::uint64_t sum = 0;
        std::from_chars(text.data(), text.data() + text.size(), sum, 16);
        if (fmt::format("{:016x}", sum) != text)
            throw damaged("a sum is expected");
        return sum;
    }

    void require_end() const {
        if (!rest_.empty())
            throw damaged("something stands behind its end");
    }

  private:
    std::string_view line() {
        ++number_;
        const std::size_t end = rest_.find('\n');
        if (end == std::string_view::npos)
            throw damaged("it ends too early");
        const std::string_view line = rest_.substr(0, end);
        rest_.remove_prefix(end + 1);
        return line;
    }

    [[nodiscard]] Error damaged(std::string_view what) const {
        return {Fault::checkpoint, fmt::format("the sums are damaged in line {}: {}", number_, what)};
    }

    std::string_view rest_;
    std::size_t number_ = 0;
};

std::string image_line(std::size_t frames, std::string_view name) { return fmt::format("image {} {}", frames, name); }

} // namespace

std::uint64_t frame_sum(std::span<const std::byte> compressed) {
    return XXH3_64bits(compressed.data(), compressed.size());
}

std::uint64_t FrameSums::at(std::string_view image, std::size_t frame) const {
    return images_.find(image)->second.at(frame);
}

std::string write_sums(const FrameSums& sums) {
    fmt::memory_buffer text;
    auto out = std::back_inserter(text);
    fmt::format_to(out, "{}\n", k_first_line_of_sums);
    for (const auto& [name, frames] : sums.images_) {
        fmt::format_to(out, "{}\n", image_line(frames.size(), name));
        for (const std::uint64_t sum : frames)
            fmt::format_to(out, "{:016x}\n", sum);
    }
    fmt::format_to(out, "end {}\n", sums.images_.size());
    return fmt::to_string(text);
}

FrameSums read_sums(std::string_view text, const FrameIndex& index) {
    SumLines lines(text);
    lines.require(k_first_line_of_sums);
    FrameSums sums;
    for (const ImageRecord& image : index.images) {
        lines.require(image_line(image.frames.size(), image.name));
        std::vector<std::uint64_t> found;
        for (std::size_t i = 0; i < image.frames.size(); ++i)
            found.push_back(lines.sum());
        sums.set(image.name, std::move(found));
    }
    lines.require(fmt::format("end {}", index.images.size()));
    lines.require_end();
    return sums;
}

} // namespace cedana
