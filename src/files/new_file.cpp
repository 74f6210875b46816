// SPDX-License-Identifier: Apache-2.0
#include "cedana/files/new_file.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/extended_attributes.hpp"
#include "cedana/base/file_id.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/kernel_time.hpp"
#include "cedana/base/text.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <map>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace cedana {

namespace {

constexpr int k_most_partials = 10000;

std::string printable_path(const FilePlace& place) { return printable(place.path().string()); }

[[noreturn]] void fail(const FilePlace& place, const char* what) {
    throw OsFailure(Fault::storage).error("cannot put {} back: cannot {}", printable_path(place), what);
}

// Short: the name that it will take may be as long as a name can be.
std::string temporary_prefix(pid_t writer) { return fmt::format(".cedana-put-back-{}-", writer); }
std::string temporary_name(int number) { return temporary_prefix(::getpid()) + std::to_string(number); }

// Those that are made of the content, or give rights by it.
bool belongs_to_content(std::string_view attribute) {
    return attribute == "security.ima" || attribute == "security.evm" || attribute == "security.capability";
}

bool is_zero(std::span<const std::byte> data) {
    return std::ranges::all_of(data, [](std::byte byte) { return byte == std::byte{0}; });
}

void set_owner(int fd, const FilePlace& place, const CapturedFile& file) {
    struct ::stat info {};
    if (::fstat(fd, &info) == 0 && info.st_uid == file.owner && info.st_gid == file.group)
        return;
    // FAT has no owners, and NFS may not let root give files away.
    if (::fchown(fd, file.owner, file.group) != 0) {
        const int err = errno;
        spdlog::warn("cannot give {} back to user {} and group {}: {}", printable_path(place), file.owner, file.group,
                     errno_text(err));
    }
}

void set_mode(int fd, const FilePlace& place, const CapturedFile& file) {
    if (::fchmod(fd, file.mode) == 0)
        return;
    const int err = errno;
    struct ::stat info {};
    if (::fstat(fd, &info) != 0 || (info.st_mode & 07777) != file.mode)
        spdlog::warn("cannot give {} its mode {:o}: {}", printable_path(place), file.mode, errno_text(err));
}

} // namespace

NewFile::NewFile(FilePlace place)
    : place_(std::move(place)), fd_(::openat(place_.folder(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)) {
    for (int number = 1; !fd_ && number < k_most_partials; ++number) {
        temporary_name_ = temporary_name(number);
        fd_ = UniqueFd(::openat(place_.folder(), temporary_name_.c_str(),
                                O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
        if (!fd_ && errno != EEXIST)
            break;
    }
    if (!fd_) {
        temporary_name_.clear();
        fail(place_, "create a file beside it");
    }
}

std::optional<NewFile> NewFile::nameless(FilePlace place) {
    UniqueFd fd(::openat(place.folder(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (fd)
        return NewFile(std::move(place), std::move(fd));
    if (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)
        return std::nullopt;
    fail(place, "create a file beside it");
}

NewFile::~NewFile() {
    // Of one that was moved from nothing is left.
    if (fd_ && !temporary_name_.empty())
        ::unlinkat(place_.folder(), temporary_name_.c_str(), 0);
}

// What is zero is left out in the smallest piece that a file system keeps: a hole stays one.
void NewFile::write(std::span<const std::byte> data) {
    constexpr std::size_t k_file_block = 4096;
    while (!data.empty()) {
        const auto block_at = [&](std::size_t at) {
            // Blocks begin where those of the file do.
            return data.subspan(at, std::min(data.size() - at, k_file_block - (written_ + at) % k_file_block));
        };
        const bool zero = is_zero(block_at(0));
        std::size_t run = 0;
        while (run < data.size() && is_zero(block_at(run)) == zero)
            run += block_at(run).size();
        if (!zero)
            write_all(fd_.get(), data.first(run), place_.path());
        else if (::lseek(fd_.get(), static_cast<off_t>(run), SEEK_CUR) < 0)
            fail(place_, "write it");
        written_ += run;
        data = data.subspan(run);
    }
}

bool NewFile::copy_attributes_of(int fd) const {
    std::vector<char> names(64UL * 1024);
    const ssize_t length = ::flistxattr(fd, names.data(), names.size());
    std::string_view rest(names.data(), static_cast<std::size_t>(std::max<ssize_t>(length, 0)));
    std::vector<char> value(64UL * 1024);
    for (; !rest.empty(); rest.remove_prefix(rest.find('\0') + 1)) {
        const char* const name = rest.data();
        if (belongs_to_content(name))
            continue;
        const ssize_t size = ::fgetxattr(fd, name, value.data(), value.size());
        if (size >= 0 && ::fsetxattr(fd_.get(), name, value.data(), static_cast<std::size_t>(size), 0) != 0)
            spdlog::debug("cannot keep {} of {}", name, printable_path(place_));
    }
    return length > 0;
}

void NewFile::complete(const CapturedFile& file) const {
    if (written_ != file.size)
        throw Error(Fault::checkpoint, fmt::format("the content of {} in the checkpoint has {} bytes in place of {}",
                                                   printable_path(place_), written_, file.size));
    if (::ftruncate(fd_.get(), static_cast<off_t>(file.size)) != 0)
        fail(place_, "write it");
    // chown(2) takes set-user-ID away, so the mode comes after it.
    set_owner(fd_.get(), place_, file);
    set_mode(fd_.get(), place_, file);
    if (!set_extended_attributes(fd_.get(), file.extended_attributes))
        warn_without_attributes(place_);
    const std::array<timespec, 2> times = {timespec_of(std::chrono::nanoseconds(file.accessed)),
                                           timespec_of(std::chrono::nanoseconds(file.modified))};
    if (::futimens(fd_.get(), times.data()) != 0)
        fail(place_, "set its times");
}

struct ::stat NewFile::info() const {
    struct ::stat info {};
    if (::fstat(fd_.get(), &info) != 0)
        fail(place_, "look at it");
    return info;
}

bool NewFile::leads_here(const std::string& name) const {
    struct ::stat here {};
    return ::fstat(fd_.get(), &here) == 0 && file_id_at(place_.folder(), name) == file_id(here);
}

bool NewFile::link_to(const FilePlace& target, const std::string& name) const {
    const std::string self = fmt::format("/proc/self/fd/{}", fd_.get());
    return ::linkat(AT_FDCWD, self.c_str(), target.folder(), name.c_str(), AT_SYMLINK_FOLLOW) == 0;
}

// link(2) goes from one mount to another no more than from one file system to another.
bool NewFile::can_go_to(const FilePlace& target) const {
    const auto mount_of = [](int fd) {
        struct ::statx info {};
        const bool is_known = ::statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &info) == 0;
        return is_known && (info.stx_mask & STATX_MNT_ID) != 0 ? std::optional(info.stx_mnt_id) : std::nullopt;
    };
    const auto here = mount_of(place_.folder());
    return here && here == mount_of(target.folder());
}

void NewFile::replace(const FilePlace& target) {
    // No call gives a nameless file a name that is taken.
    for (int number = 1; temporary_name_.empty(); ++number) {
        const std::string name = temporary_name(number);
        if (link_to(target, name)) {
            temporary_name_ = name;
            place_ = target;
        } else if (const int err = errno; err != EEXIST || number == k_most_partials) {
            // A call that failed may have been carried out all the same, where a file server answers.
            place_ = target;
            if (leads_here(name))
                temporary_name_ = name;
            errno = err;
            fail(place_, "name the file beside it");
        }
    }
    if (::renameat(place_.folder(), temporary_name_.c_str(), target.folder(), target.name().c_str()) != 0)
        fail(place_, "rename the file beside it");
    temporary_name_.clear();
}

void NewFile::create(const FilePlace& target) {
    const bool is_nameless = temporary_name_.empty();
    const bool done = is_nameless ? link_to(target, target.name())
                                  : ::linkat(place_.folder(), temporary_name_.c_str(), target.folder(),
                                             target.name().c_str(), 0) == 0;
    if (done)
        return;
    const int err = errno;
    // FAT and some FUSE file systems have no hard links, and no nameless files either.
    const bool has_no_links = !is_nameless && (err == EPERM || err == EOPNOTSUPP || err == ENOSYS);
    if (!has_no_links)
        errno = err;
    else if (place_.rename_to_free(temporary_name_, target.name()))
        return temporary_name_.clear();
    fail(target, "give the file its name");
}

void flush_all(const std::vector<const NewFile*>& files) {
    std::map<dev_t, std::vector<const NewFile*>> disks;
    for (const NewFile* const file : files)
        disks[file->info().st_dev].push_back(file);
    for (const auto& [disk, some] : disks) {
        const bool are_flushed =
            some.size() >= k_many_to_flush && sync_file_system(some.front()->fd(), some.front()->place_.path());
        for (const NewFile* const file : some)
            are_flushed ? require_written(file->fd(), file->place_.path()) : sync_file(file->fd(), file->place_.path());
    }
}

void remove_unfinished(const FilePlace& place, pid_t writer) {
    const std::string prefix = temporary_prefix(writer);
    std::error_code ignored;
    for (const std::filesystem::path& path : entries_of(fmt::format("/proc/self/fd/{}", place.folder()), ignored))
        if (const std::string name = path.filename().string(); name.starts_with(prefix))
            ::unlinkat(place.folder(), name.c_str(), 0);
}

} // namespace cedana
