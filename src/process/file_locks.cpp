// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/file_locks.hpp"

#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/process/open_files.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

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

// As OpenFile has it.
std::optional<HeldLock> parse_own(std::string_view text, pid_t pid, const FileId& file) {
    std::optional<HeldLock> lock = parse_held_lock(text);
    if (lock) {
        lock->pid = pid;
        lock->file = file;
    }
    return lock;
}

// In the first pid namespace (PROC_PID_INIT_INO, include/linux/proc_ns.h) all of this kernel are seen.
bool sees_all_processes() {
    constexpr ino_t k_first = 0xEFFFFFFC;
    struct ::stat info {};
    return ::stat("/proc/self/ns/pid", &info) == 0 && info.st_ino == k_first;
}

// What a kernel of another host may have open, too. statfs(2) has the numbers; linux/magic.h lacks some.
bool is_shared_with_hosts(int fd) {
    constexpr std::array<std::uint32_t, 11> k_shared = {
        NFS_SUPER_MAGIC,   SMB_SUPER_MAGIC, CIFS_SUPER_MAGIC, SMB2_SUPER_MAGIC,      FUSE_SUPER_MAGIC, CEPH_SUPER_MAGIC,
        OCFS2_SUPER_MAGIC, AFS_SUPER_MAGIC, V9FS_MAGIC,       0x01161970 /* GFS2 */, 0x0BD00BD0 /* Lustre */};
    struct ::statfs info {};
    return ::fstatfs(fd, &info) == 0 && std::ranges::count(k_shared, static_cast<std::uint32_t>(info.f_type)) != 0;
}

// Over NFS an exclusive one is only for who writes (flock(2), "NFS details").
bool is_flock_taken(UniqueFd file, const std::filesystem::path& path, bool is_exclusive) {
    if (is_exclusive)
        if (UniqueFd writable(::open(path.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)); writable)
            file = std::move(writable);
    // Given back with the descriptor.
    return ::flock(file.get(), (is_exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

// Nothing is taken for the answer (fcntl(2), F_OFD_GETLK).
bool is_range_taken(int fd, const HeldLock& wanted) {
    struct ::flock range {};
    range.l_type = wanted.is_exclusive ? F_WRLCK : F_RDLCK;
    range.l_whence = SEEK_SET;
    range.l_start = static_cast<off_t>(wanted.first);
    range.l_len = wanted.last == k_end_of_file ? 0 : static_cast<off_t>(wanted.last - wanted.first + 1);
    return ::fcntl(fd, F_OFD_GETLK, &range) == 0 && range.l_type != F_UNLCK;
}

} // namespace

std::vector<HeldLock> parse_locks(std::string_view table) {
    std::vector<HeldLock> locks;
    for (const std::string& line : split(table, '\n'))
        if (auto lock = parse_line(line))
            locks.push_back(*lock);
    return locks;
}

std::optional<HeldLock> parse_held_lock(std::string_view text) {
    const std::vector<std::string> words = split(text, ' ');
    constexpr std::size_t k_words = 5;
    const auto kind = words.size() == k_words ? kind_of(words[0]) : std::nullopt;
    if (!kind)
        return std::nullopt;
    return HeldLock{.kind = *kind,
                    .is_exclusive = words[2] == "WRITE",
                    .first = number_in<std::uint64_t>(words[3]).value_or(0),
                    .last = number_in<std::uint64_t>(words[4]).value_or(k_end_of_file)};
}

std::vector<HeldLock> held_locks() { return parse_locks(read_file("/proc/locks")); }

bool is_locked_unseen(const std::filesystem::path& path, const HeldLock& wanted) {
    UniqueFd file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    struct ::stat info {};
    if (!file || ::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode) || wanted.kind == HeldLockKind::lease)
        return false;
    if (wanted.kind != HeldLockKind::flock)
        return is_range_taken(file.get(), wanted);
    if (sees_all_processes() && !is_shared_with_hosts(file.get()))
        return false;
    return is_flock_taken(std::move(file), path, wanted.is_exclusive);
}

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
