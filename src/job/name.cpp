// SPDX-License-Identifier: Apache-2.0
#include "cedana/job/name.hpp"

#include "cedana/base/checksums.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"
#include "cedana/process/command_words.hpp"

#include <algorithm>

#include <spdlog/fmt/fmt.h>

namespace cedana::job {

namespace {

constexpr std::size_t k_longest_name = 64;
constexpr std::size_t k_digest_digits = 6;

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

bool fits_a_name(char c) { return is_letter_or_digit(c) || c == '.' || c == '_' || c == '-'; }

} // namespace

bool is_job_name(std::string_view name) {
    return !name.empty() && name.size() <= k_longest_name &&
           (is_letter_or_digit(name.front()) || name.front() == '_') && std::ranges::all_of(name, fits_a_name);
}

void require_job_name(const std::string& name) {
    if (!is_job_name(name))
        throw Error(Fault::usage, fmt::format("'{}' is no name for a job", printable(name)))
            .hint("up to 64 letters, digits, dots, underscores and dashes, of which the first is no dot and no dash");
}

std::string default_job_name(std::span<const std::string> argv) {
    std::string all;
    for (const std::string& argument : argv)
        all += argument + '\0';
    std::string name = script_name(argv).value_or(std::string(base_name(argv.front())));
    std::ranges::replace_if(
        name, [](char c) { return !fits_a_name(c); }, '_');
    if (!is_letter_or_digit(name.empty() ? '.' : name.front()))
        name = "job" + name;
    return name.substr(0, k_longest_name - k_digest_digits - 1) + "-" + hex(sha256(all)).substr(0, k_digest_digits);
}

} // namespace cedana::job
