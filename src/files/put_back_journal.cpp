// SPDX-License-Identifier: Apache-2.0
#include "cedana/files/put_back_journal.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"

#include <map>
#include <string_view>
#include <system_error>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <unistd.h>

namespace cedana {

namespace {

// A step is three fields, each with a NUL behind it, which no path holds: path, backup, numbers.
constexpr std::size_t k_fields = 3;
constexpr std::size_t k_numbers = 13;

std::string numbers_of(const struct ::stat& info) {
    return fmt::format("{} {} {} {} {} {}", static_cast<std::int64_t>(info.st_dev),
                       static_cast<std::int64_t>(info.st_ino), info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec,
                       info.st_atim.tv_sec);
}

struct ::stat stat_of(const std::vector<std::int64_t>& numbers, std::size_t at) {
    struct ::stat info {};
    info.st_dev = static_cast<dev_t>(numbers[at]);
    info.st_ino = static_cast<ino_t>(numbers[at + 1]);
    info.st_size = numbers[at + 2];
    info.st_mtim = {.tv_sec = numbers[at + 3], .tv_nsec = numbers[at + 4]};
    info.st_atim = {.tv_sec = numbers[at + 5], .tv_nsec = 0};
    return info;
}

std::vector<std::int64_t> parse_numbers(std::string_view text) {
    std::vector<std::int64_t> numbers;
    for (const std::string& word : split(text, ' ')) {
        std::int64_t number = 0;
        if (!parse_number(word, number))
            return {};
        numbers.push_back(number);
    }
    return numbers;
}

} // namespace

PutBackJournal::PutBackJournal(std::filesystem::path path)
    : path_(std::move(path)), fd_(open_file(path_, O_WRONLY | O_CREAT | O_EXCL | O_APPEND, 0600)) {}

void PutBackJournal::add(const PutBackStep& step) const {
    std::string record = step.path.string() + '\0' + step.backup + '\0';
    record += fmt::format("{} {} {}", numbers_of(step.put),
                          step.is_place ? 2
                          : step.is_cut ? 1
                                        : 0,
                          numbers_of(step.before)) +
              '\0';
    write_all(fd_.get(), record, path_);
}

void PutBackJournal::remove() noexcept {
    if (fd_)
        ::unlink(path_.c_str());
    fd_.reset();
}

std::vector<PutBackStep> read_journal(const std::filesystem::path& path) {
    std::vector<PutBackStep> steps;
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored))
        return steps;
    // What its writer was killed in the middle of has not been acted on.
    const std::vector<std::string> fields = split(read_file(path), '\0');
    std::map<std::string, std::size_t> last;
    for (std::size_t at = 0; at + k_fields < fields.size(); at += k_fields)
        last[fields[at]] = at;
    for (std::size_t at = 0; at + k_fields < fields.size(); at += k_fields) {
        const std::vector<std::int64_t> numbers = parse_numbers(fields[at + 2]);
        if (numbers.size() != k_numbers)
            throw Error(Fault::internal, fmt::format("{} is not a journal of files that were put back", path.string()));
        if (last[fields[at]] != at)
            continue;
        steps.push_back({.path = fields[at],
                         .backup = fields[at + 1],
                         .put = stat_of(numbers, 0),
                         .is_cut = numbers[6] == 1,
                         .before = stat_of(numbers, 7),
                         .is_place = numbers[6] == 2});
    }
    return steps;
}

} // namespace cedana
