// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/pagemap.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"
#include "cedana/criu/wire.hpp"

#include <cstring>
#include <map>

#include <spdlog/fmt/fmt.h>

namespace cedana::criu {

namespace {

// criu/include/magic.h
constexpr std::uint32_t k_image_magic = 0x54564319;
constexpr std::uint32_t k_pagemap_magic = 0x56084025;
constexpr std::uint32_t k_mm_magic = 0x57492820;

// criu/include/pagemap.h
constexpr std::uint64_t k_in_parent = 1;
constexpr std::uint64_t k_lazy = 2;
constexpr std::uint64_t k_present = 4;

constexpr std::uint64_t k_wipe_on_fork = std::uint64_t{1} << 18;

Error damaged(const std::string& what) { return {Fault::checkpoint, "an image of criu is damaged: " + what}; }

// An image: two magic numbers, then messages, each behind its length (criu/protobuf.c).
class ImageMessages {
  public:
    ImageMessages(std::string_view image, std::uint32_t magic) : rest_(image) {
        if (number() != k_image_magic || number() != magic)
            throw damaged("it is of another kind than its name says");
    }
    [[nodiscard]] bool at_end() const { return rest_.empty(); }
    [[nodiscard]] std::string_view next() { return take(number()); }

  private:
    std::string_view take(std::size_t size) {
        if (size > rest_.size())
            throw damaged("it ends too early");
        const std::string_view taken = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return taken;
    }
    std::uint32_t number() {
        std::uint32_t value = 0;
        std::memcpy(&value, take(sizeof value).data(), sizeof value);
        return value;
    }

    std::string_view rest_;
};

// The numbers of a message by field.
std::map<std::uint32_t, std::uint64_t> numbers_of(std::string_view message) {
    std::map<std::uint32_t, std::uint64_t> numbers;
    WireReader reader(message);
    while (const auto field = reader.next())
        if (field->value)
            numbers[field->number] = *field->value;
    return numbers;
}

std::uint64_t value_or(const std::map<std::uint32_t, std::uint64_t>& numbers, std::uint32_t field,
                       std::uint64_t otherwise) {
    const auto found = numbers.find(field);
    return found == numbers.end() ? otherwise : found->second;
}

// pagemap_entry: 1 vaddr, 2 nr_pages of before 4.1, 3 in_parent, 4 flags, 5 nr_pages. Older images have no flags.
PageRun parse_run(std::string_view message, std::uint64_t first) {
    const auto numbers = numbers_of(message);
    const std::uint64_t flags = value_or(numbers, 4, k_present);
    if ((flags & k_in_parent) != 0 || value_or(numbers, 3, 0) != 0 || (flags & k_present) == 0)
        throw Error(Fault::checkpoint, "pages of this checkpoint lie in another one, on which it was built");
    return {.address = value_or(numbers, 1, 0),
            .pages = value_or(numbers, 5, value_or(numbers, 2, 0)),
            .first = first,
            .lazy = (flags & k_lazy) != 0};
}

template <typename Parse>
auto parsed(Parse&& parse) {
    try {
        return parse();
    } catch (const Error& error) {
        if (error.fault() != Fault::internal)
            throw;
        throw damaged(error.message());
    }
}

} // namespace

std::uint64_t Pagemap::lazy_pages() const {
    std::uint64_t pages = 0;
    for (const PageRun& run : runs)
        pages += run.lazy ? run.pages : 0;
    return pages;
}

std::optional<pid_t> task_of_image(std::string_view image, std::string_view prefix) {
    constexpr std::string_view k_suffix = ".img";
    if (!image.starts_with(prefix) || !image.ends_with(k_suffix))
        return std::nullopt;
    image.remove_prefix(prefix.size());
    std::int64_t pid = 0;
    if (!parse_number(image.substr(0, image.size() - k_suffix.size()), pid) || pid <= 0)
        return std::nullopt;
    return static_cast<pid_t>(pid);
}

Pagemap parse_pagemap(std::string_view image) {
    return parsed([&] {
        ImageMessages messages(image, k_pagemap_magic);
        Pagemap map{.pages_id = value_or(numbers_of(messages.next()), 1, 0), .runs = {}};
        while (!messages.at_end())
            map.runs.push_back(parse_run(messages.next(), map.pages()));
        return map;
    });
}

std::vector<AddressRange> parse_wiped_on_fork(std::string_view image) {
    constexpr std::uint32_t k_mapping = 14;
    return parsed([&] {
        std::vector<AddressRange> wiped;
        ImageMessages messages(image, k_mm_magic);
        WireReader fields(messages.next());
        while (const auto field = fields.next()) {
            if (field->number != k_mapping || !field->bytes)
                continue;
            // vma_entry: 1 start, 2 end, 9 madv, a bit for each advice.
            const auto numbers = numbers_of(*field->bytes);
            if ((value_or(numbers, 9, 0) & k_wipe_on_fork) != 0)
                wiped.push_back({.start = value_or(numbers, 1, 0), .end = value_or(numbers, 2, 0)});
        }
        return wiped;
    });
}

} // namespace cedana::criu
