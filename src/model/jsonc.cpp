// SPDX-License-Identifier: Apache-2.0
#include "cedana/model/jsonc.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

using nlohmann::json;

// Far above what settings need; together they bound the memory that a hostile file can ask for.
constexpr std::size_t k_deepest = 16;
constexpr std::size_t k_longest_name = 128;
constexpr std::size_t k_longest_reason = 200;

Error malformed(const std::string& name, std::size_t line, std::string_view why) {
    return Error(Fault::usage,
                 fmt::format("{}:{}: not valid JSON: {}", name, line, printable(why.substr(0, k_longest_reason))))
        .hint("look for a missing quote, comma or brace on this line or the one before");
}

std::size_t line_at(std::string_view text, std::size_t offset) {
    return 1 + static_cast<std::size_t>(std::ranges::count(text.substr(0, offset), '\n'));
}

// Just past the string that starts at `start`, or the end of its line if it is not closed: JSON has no strings
// of several lines.
std::size_t end_of_string(std::string_view text, std::size_t start) {
    for (std::size_t i = start + 1; i < text.size() && text[i] != '\n'; ++i) {
        if (text[i] == '\\')
            ++i;
        else if (text[i] == '"')
            return i + 1;
    }
    return std::min(text.find('\n', start), text.size());
}

// Just past the comment that starts at `start`; `start` itself if none does.
std::size_t end_of_comment(std::string_view text, std::size_t start, const std::string& name) {
    const std::string_view mark = text.substr(start, 2);
    if (mark == "//")
        return std::min(text.find('\n', start), text.size());
    if (mark != "/*")
        return start;
    const std::size_t end = text.find("*/", start + 2);
    if (end == std::string_view::npos)
        throw malformed(name, line_at(text, start), "a comment has no end");
    return end + 2;
}

// Tells how many bytes the parser has taken, which its callbacks do not.
class CountingIterator {
  public:
    using iterator_category = std::input_iterator_tag;
    using value_type = char;
    using difference_type = std::ptrdiff_t;
    using pointer = const char*;
    using reference = const char&;

    CountingIterator(const char* at, std::size_t& taken) : at_(at), taken_(&taken) {}
    reference operator*() const { return *at_; }
    CountingIterator& operator++() {
        ++at_;
        ++*taken_;
        return *this;
    }
    bool operator==(const CountingIterator& other) const { return at_ == other.at_; }
    bool operator!=(const CountingIterator& other) const { return at_ != other.at_; }

  private:
    const char* at_;
    std::size_t* taken_;
};

class EntryCollector : public nlohmann::json_sax<json> {
  public:
    EntryCollector(std::string_view text, const std::string& name) : text_(text), name_(name) {}

    [[nodiscard]] std::size_t& taken() { return taken_; }
    [[nodiscard]] std::vector<JsoncEntry> take_entries() { return std::move(entries_); }

    bool null() override { return add(nullptr); }
    bool boolean(bool value) override { return add(value); }
    bool number_integer(number_integer_t value) override { return add(value); }
    bool number_unsigned(number_unsigned_t value) override { return add(value); }
    bool number_float(number_float_t value, const string_t&) override { return add(value); }
    bool string(string_t& value) override { return add(value); }
    bool binary(binary_t&) override { return false; }

    bool start_object(std::size_t) override { return add(json::object()) && enter(array_depth_ > 0); }
    bool key(string_t& value) override {
        if (value.size() > k_longest_name)
            throw malformed(name_, line(), fmt::format("a name is longer than {} bytes", k_longest_name));
        path_.back() = value;
        return true;
    }
    bool end_object() override { return leave(); }
    bool start_array(std::size_t) override { return add(json::array()) && enter(true); }
    bool end_array() override { return leave(); }

    bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& error) override {
        // "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error …": its numbers are
        // those of the text, but the first is ours to say in one form with all other errors.
        std::string_view why = error.what();
        for (const std::string_view before : {"] ", ": "})
            if (const std::size_t at = why.find(before); at != std::string_view::npos)
                why.remove_prefix(at + before.size());
        throw malformed(name_, line(), why);
    }

  private:
    // Of the last byte taken, which is the last of the token, or the one after a number. Counts on from where it
    // stopped: a million lines must not be counted a million times.
    [[nodiscard]] std::size_t line() {
        const std::size_t last = taken_ == 0 ? 0 : taken_ - 1;
        line_ += line_at(text_.substr(counted_, last - counted_), last - counted_) - 1;
        counted_ = last;
        return line_;
    }

    bool add(json value) {
        if (depth_ == 0) {
            if (!value.is_object())
                throw malformed(name_, line(), "expected an object in braces");
            return true;
        }
        // What is nested in an array's elements is of no use to anyone; that something is there is.
        if (array_depth_ == 1)
            entries_.back().value.push_back(std::move(value));
        else if (array_depth_ == 0)
            entries_.push_back({.key = fmt::format("{}", fmt::join(path_, ".")), .line = line(), .value = value});
        return true;
    }

    bool enter(bool in_array) {
        if (++depth_ > k_deepest)
            throw malformed(name_, line(), fmt::format("nested more than {} deep", k_deepest));
        if (in_array)
            ++array_depth_;
        // A slot for the names in it; inside arrays nobody reads it.
        path_.emplace_back();
        return true;
    }

    bool leave() {
        --depth_;
        array_depth_ -= array_depth_ > 0 ? 1 : 0;
        path_.pop_back();
        return true;
    }

    std::string_view text_;
    const std::string& name_;
    std::size_t taken_ = 0;
    std::size_t counted_ = 0;
    std::size_t line_ = 1;
    std::size_t depth_ = 0;
    std::size_t array_depth_ = 0;
    std::vector<std::string> path_;
    std::vector<JsoncEntry> entries_;
};

} // namespace

std::string blank_comments(std::string_view text, const std::string& name) {
    std::string result(text);
    const auto blank = [&](std::size_t from, std::size_t to) {
        std::replace_if(
            result.begin() + static_cast<std::ptrdiff_t>(from), result.begin() + static_cast<std::ptrdiff_t>(to),
            [](char c) { return c != '\n'; }, ' ');
    };
    constexpr std::size_t k_none = std::string_view::npos;
    std::size_t comma = k_none;
    char previous = '\0';
    for (std::size_t i = 0; i < text.size();) {
        if (text[i] == '\0')
            throw malformed(name, line_at(text, i), "it holds a NUL byte");
        if (const std::size_t end = end_of_comment(text, i, name); end > i) {
            blank(i, end);
            i = end;
            continue;
        }
        if (std::string_view(" \t\r\n").find(text[i]) != k_none) {
            ++i;
            continue;
        }
        if ((text[i] == '}' || text[i] == ']') && comma != k_none)
            blank(comma, comma + 1);
        // Only a comma after a value is a trailing one: [,] and [1,,] stay wrong.
        const bool after_value = std::string_view("[{,:").find(previous) == k_none;
        comma = text[i] == ',' && after_value ? i : k_none;
        previous = text[i];
        i = text[i] == '"' ? end_of_string(text, i) : i + 1;
    }
    return result;
}

std::vector<JsoncEntry> parse_jsonc(std::string_view text, const std::string& name) {
    const std::string plain = blank_comments(text, name);
    if (trim(plain).empty())
        return {};
    EntryCollector collector(plain, name);
    const char* const begin = plain.data();
    json::sax_parse(CountingIterator(begin, collector.taken()),
                    CountingIterator(begin + plain.size(), collector.taken()), &collector);
    return collector.take_entries();
}

} // namespace cedana
