// SPDX-License-Identifier: Apache-2.0
#include "cedana/storage/put_back.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/storage/new_file.hpp"
#include "cedana/storage/private_copy.hpp"

#include <array>
#include <cerrno>
#include <exception>
#include <string_view>
#include <utility>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <unistd.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

// Backups of one file within one second.
constexpr int k_most_names = 10000;

bool is_same(const struct ::stat& a, const struct ::stat& b) { return a.st_dev == b.st_dev && a.st_ino == b.st_ino; }

std::optional<struct ::stat> look_at(const FilePlace& place, const std::string& name) {
    struct ::stat info {};
    if (::fstatat(place.folder(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0)
        return std::nullopt;
    return info;
}

bool is_second_name(const FilePlace& place, const std::string& name) {
    const auto first = look_at(place, place.name());
    const auto second = look_at(place, name);
    return first && second && is_same(*first, *second);
}

Error cannot_keep(const FilePlace& place, int error_number) {
    return os_error(error_number,
                    fmt::format("cannot put {} back: cannot keep what is there", printable(place.path().string())),
                    Fault::restore_failed);
}

std::string text_of(const FilePlace& place) { return printable(place.path().string()); }

void warn_left(const FilePlace& place, const std::string& backup, std::string_view why) {
    spdlog::warn("{} could not be made as it was before the restore: {}{}", text_of(place), why,
                 backup.empty() ? "" : "; what was there is in " + printable(place.beside(backup).string()));
}

// Open for reading alone: what is open for writing cannot be executed.
UniqueFd hold(int fd) { return UniqueFd(::open(fmt::format("/proc/self/fd/{}", fd).c_str(), O_RDONLY | O_CLOEXEC)); }

UniqueFd create_backup(const FilePlace& place, const std::string& name, const struct ::stat& like) {
    UniqueFd fd(::openat(place.folder(), name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    // As readable as the file itself, where that can be had.
    if (fd && ::fchown(fd.get(), like.st_uid, like.st_gid) == 0)
        ::fchmod(fd.get(), like.st_mode & 0777);
    return fd;
}

} // namespace

PutBack::PutBack(std::chrono::system_clock::time_point when) : when_(utc_compact(when)) {}

PutBack::~PutBack() {
    for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) {
        try {
            undo(*step);
        } catch (const std::exception& error) {
            warn_left(step->place, step->backup, error.what());
        }
    }
}

std::string PutBack::backup_name(const FilePlace& place, int number) const {
    return number == 1 ? fmt::format("{}.cedana-backup-{}", place.name(), when_)
                       : fmt::format("{}.cedana-backup-{}_{}", place.name(), when_, number);
}

// A second name for what is there, so that the first is never without a file; where there are no hard links, its only
// name. The name.
std::string PutBack::keep_present(const FilePlace& place) const {
    for (int number = 1; number <= k_most_names; ++number) {
        std::string name = backup_name(place, number);
        if (::linkat(place.folder(), place.name().c_str(), place.folder(), name.c_str(), 0) == 0)
            return name;
        int err = errno;
        if (err == EPERM || err == EOPNOTSUPP || err == ENOSYS || err == EMLINK) {
            if (place.rename_to_free(place.name(), name))
                return name;
            err = errno;
        }
        // A call that failed may have been carried out all the same, where a file server answers.
        if (err != EEXIST && is_second_name(place, name))
            ::unlinkat(place.folder(), name.c_str(), 0);
        if (err != EEXIST)
            throw cannot_keep(place, err);
    }
    throw cannot_keep(place, EEXIST);
}

fs::path PutBack::replace(FilePlace file_place, const CapturedFile& file, const Content& content) {
    Step& step = steps_.emplace_back(std::move(file_place));
    const FilePlace& place = step.place;
    NewFile replacement(place);
    const UniqueFd present = place.open_present(O_RDONLY);
    if (present)
        replacement.take_attributes_of(present.get());
    for (auto piece = content(); !piece.empty(); piece = content())
        replacement.write(piece);
    replacement.complete(file);
    step.put = replacement.info();
    step.held = hold(replacement.fd());
    if (present) {
        step.backup = keep_present(place);
        replacement.replace();
    } else {
        replacement.create();
    }
    place.sync();
    return step.backup.empty() ? fs::path() : place.beside(step.backup);
}

fs::path PutBack::cut(FilePlace file_place, const CapturedFile& file) {
    Step& step = steps_.emplace_back(std::move(file_place));
    const FilePlace& place = step.place;
    const UniqueFd present = place.open_present(O_RDWR);
    struct ::stat before {};
    if (!present || ::fstat(present.get(), &before) != 0 || static_cast<std::uint64_t>(before.st_size) <= file.size)
        throw Error(Fault::restore_failed, fmt::format("{} changed while it was looked at", text_of(place)));
    std::string backup;
    UniqueFd tail;
    for (int number = 1; !tail && number <= k_most_names; ++number) {
        backup = backup_name(place, number);
        tail = create_backup(place, backup, before);
        if (!tail && errno != EEXIST)
            break;
    }
    if (!tail)
        throw cannot_keep(place, errno);
    step.backup = backup;
    step.put = before;
    step.held = hold(present.get());
    step.before = before;
    fs::path backup_path = place.beside(backup);
    const std::uint64_t size = static_cast<std::uint64_t>(before.st_size) - file.size;
    if (copy_bytes(present.get(), file.size, size, tail.get(), place.path()) != size)
        throw Error(Fault::restore_failed, fmt::format("{} changed while it was copied", text_of(place)));
    sync_file(tail.get(), backup_path);
    place.sync();
    if (::ftruncate(present.get(), static_cast<off_t>(file.size)) != 0) {
        const int err = errno;
        throw os_error(err, fmt::format("cannot cut {}", text_of(place)), Fault::storage);
    }
    sync_file(present.get(), place.path());
    return backup_path;
}

void PutBack::undo(const Step& step) {
    if (step.before)
        undo_cut(step);
    else
        undo_replace(step);
}

void PutBack::undo_cut(const Step& step) {
    const FilePlace& place = step.place;
    const UniqueFd file = place.open_present(O_RDWR);
    const UniqueFd tail(::openat(place.folder(), step.backup.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    struct ::stat info {};
    struct ::stat kept {};
    if (!file || !tail || ::fstat(file.get(), &info) != 0 || ::fstat(tail.get(), &kept) != 0 ||
        !is_same(info, step.put))
        return warn_left(place, step.backup, "something else is there by now");
    // Not cut yet, if it still has its size.
    if (info.st_size != step.before->st_size) {
        if (info.st_size + kept.st_size != step.before->st_size)
            return warn_left(place, step.backup, "it was written to meanwhile");
        ::lseek(file.get(), 0, SEEK_END);
        copy_bytes(tail.get(), 0, static_cast<std::uint64_t>(kept.st_size), file.get(), place.path());
        const std::array<timespec, 2> times = {step.before->st_atim, step.before->st_mtim};
        ::futimens(file.get(), times.data());
        sync_file(file.get(), place.path());
    }
    ::unlinkat(place.folder(), step.backup.c_str(), 0);
}

void PutBack::undo_replace(const Step& step) {
    const FilePlace& place = step.place;
    const auto present = look_at(place, place.name());
    if (step.backup.empty()) {
        if (present && is_same(*present, step.put) && ::unlinkat(place.folder(), place.name().c_str(), 0) == 0)
            place.sync();
        return;
    }
    const auto kept = look_at(place, step.backup);
    if (!kept)
        return warn_left(place, "", "its backup is gone");
    // Not replaced yet: rename(2) would do nothing with two names of one file.
    if (present && is_same(*present, *kept))
        ::unlinkat(place.folder(), step.backup.c_str(), 0);
    else if (present && !is_same(*present, step.put))
        return warn_left(place, step.backup, "something else is there by now");
    else if (::renameat(place.folder(), step.backup.c_str(), place.folder(), place.name().c_str()) != 0)
        return warn_left(place, step.backup, errno_text(errno));
    place.sync();
}

} // namespace cedana
