// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/file_locks.hpp"

#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/process/open_files.hpp"

#include <charconv>
#include <optional>

#include <sys/sysmacros.h>

namespace cedana {

namespace {

template <typename Number>
std::optional<Number> number_in(std::string_view text, int base = 10) {
    Number number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
    return error == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

std::optional<HeldLockKind> kind_of(std::string_view word) {
    if (word == "POSIX")
        return HeldLockKind::posix;
    if (word == "FLOCK")
        return HeldLockKind::flock;
    if (word == "OFDLCK")
        return HeldLockKind::ofd;
    if (word == "LEASE")
        return HeldLockKind::lease;
    return std::nullopt;
}

// "08:01:5678", the device in hexadecimal (fs/locks.c, lock_get_status).
std::optional<FileId> file_in(std::string_view word) {
    const std::vector<std::string> parts = split(word, ':');
    if (parts.size() != 3)
        return std::nullopt;
    const auto major = number_in<unsigned>(parts[0], 16);
    const auto minor = number_in<unsigned>(parts[1], 16);
    const auto inode = number_in<std::uint64_t>(parts[2]);
    if (!major || !minor || !inode)
        return std::nullopt;
    return FileId{.device = ::makedev(*major, *minor), .inode = *inode};
}

// "POSIX  ADVISORY  WRITE 1234 08:01:5678 0 EOF", with a number before it. Who waits has an arrow there.
std::optional<HeldLock> parse_line(std::string_view line) {
    std::vector<std::string> words = split(line, ' ');
    std::erase(words, "");
    if (!words.empty() && words.front().ends_with(':'))
        words.erase(words.begin());
    constexpr std::size_t k_words = 7;
    if (words.size() < k_words)
        return std::nullopt;
    const auto kind = kind_of(words[0]);
    const auto file = file_in(words[4]);
    if (!kind || !file)
        return std::nullopt;
    return HeldLock{.kind = *kind,
                    .is_exclusive = words[2] == "WRITE",
                    .pid = number_in<pid_t>(words[3]).value_or(0),
                    .file = *file,
                    .first = number_in<std::uint64_t>(words[5]).value_or(0),
                    .last = number_in<std::uint64_t>(words[6]).value_or(k_end_of_file)};
}

// "FLOCK ADVISORY WRITE 0 EOF", as OpenFile has it.
std::optional<HeldLock> parse_own(std::string_view text, pid_t pid, const FileId& file) {
    const std::vector<std::string> words = split(text, ' ');
    constexpr std::size_t k_words = 5;
    const auto kind = words.size() == k_words ? kind_of(words[0]) : std::nullopt;
    if (!kind)
        return std::nullopt;
    return HeldLock{.kind = *kind,
                    .is_exclusive = words[2] == "WRITE",
                    .pid = pid,
                    .file = file,
                    .first = number_in<std::uint64_t>(words[3]).value_or(0),
                    .last = number_in<std::uint64_t>(words[4]).value_or(k_end_of_file)};
}

} // namespace

std::vector<HeldLock> parse_locks(std::string_view table) {
    std::vector<HeldLock> locks;
    for (const std::string& line : split(table, '\n'))
        if (auto lock = parse_line(line))
            locks.push_back(*lock);
    return locks;
}

std::vector<HeldLock> held_locks() { return parse_locks(read_file("/proc/locks")); }

std::vector<FileHolder> holders_of_file(const Procfs& procfs, const FileId& file) {
    std::vector<FileHolder> holders;
    for (const pid_t pid : procfs.pids()) {
        FileHolder holder{.pid = pid};
        bool has_it = false;
        for (const OpenFile& one : open_files(procfs, pid)) {
            if (!one.info || file_id(*one.info) != file)
                continue;
            has_it = true;
            holder.writes = holder.writes || one.writable();
            for (const std::string& text : one.locks)
                if (auto lock = parse_own(text, pid, file))
                    holder.locks.push_back(*lock);
        }
        if (has_it)
            holders.push_back(std::move(holder));
    }
    return holders;
}

} // namespace cedana
