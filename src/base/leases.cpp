// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/leases.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"

#include <algorithm>
#include <string>

namespace cedana {

// "2: LEASE  ACTIVE    WRITE 359 00:13:11691 0 EOF" (fs/locks.c, lock_get_status). One that is being broken is told as
// what it becomes, "BREAKING  UNLCK": its holder has been asked already.
std::vector<Lease> parse_leases(std::string_view locks) {
    constexpr std::size_t k_words = 8;
    std::vector<Lease> leases;
    for (const std::string& line : split(locks, '\n')) {
        std::vector<std::string> words;
        for (std::string& word : split(trim(line), ' '))
            if (!word.empty())
                words.push_back(std::move(word));
        if (words.size() != k_words || (words[1] != "LEASE" && words[1] != "DELEG") || words[2] != "ACTIVE")
            continue;
        std::int64_t holder = 0;
        std::int64_t inode = 0;
        if (parse_number(words[5].substr(words[5].rfind(':') + 1), inode))
            leases.push_back(
                {.holder = parse_number(words[4], holder) ? static_cast<pid_t>(std::max<std::int64_t>(holder, 0)) : 0,
                 .inode = static_cast<std::uint64_t>(inode),
                 .for_writing = words[3] == "WRITE"});
    }
    return leases;
}

std::vector<Lease> read_leases() {
    try {
        return parse_leases(read_file("/proc/locks"));
    } catch (const Error&) {
        // A kernel without locks on files.
        return {};
    }
}

LeasesAhead::LeasesAhead()
    : begun_(std::chrono::steady_clock::now()), read_(std::async(std::launch::async, read_leases)) {}

const std::vector<Lease>& LeasesAhead::get() const {
    constexpr auto k_fresh = std::chrono::seconds(1);
    if (read_.valid())
        leases_ = read_.get();
    if (begun_ && std::chrono::steady_clock::now() - *begun_ > k_fresh) {
        begun_ = std::chrono::steady_clock::now();
        leases_ = read_leases();
    }
    return *leases_;
}

std::optional<Lease> lease_broken_by_reading(const std::vector<Lease>& leases, const struct ::stat& file) {
    const auto found = std::ranges::find_if(
        leases, [&](const Lease& lease) { return lease.for_writing && lease.inode == file.st_ino; });
    return found == leases.end() ? std::nullopt : std::optional(*found);
}

} // namespace cedana
