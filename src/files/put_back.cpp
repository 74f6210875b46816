// SPDX-License-Identifier: Apache-2.0
#include "cedana/files/put_back.hpp"

#include "cedana/base/descriptor_limit.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/extended_attributes.hpp"
#include "cedana/base/file_id.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/files/backups.hpp"
#include "cedana/files/file_name.hpp"
#include "cedana/files/new_file.hpp"
#include "cedana/files/private_copy.hpp"

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
constexpr int k_most_backups = 10000;

bool is_same(const struct ::stat& a, const struct ::stat& b) { return file_id(a) == file_id(b); }

bool is_second_name(const FilePlace& place, const std::string& name) {
    const auto first = place.entry(place.name());
    const auto second = place.entry(name);
    return first && second && is_same(*first, *second);
}

Error cannot_keep(const FilePlace& place, int error_number) {
    return os_error(error_number,
                    fmt::format("cannot put {} back: cannot keep what is there", printable(place.path().string())),
                    Fault::restore_failed);
}

std::string text_of(const FilePlace& place) { return printable(place.path().string()); }

// False, as the outcome of undoing.
bool warn_left(const FilePlace& place, const std::string& backup, std::string_view why) {
    spdlog::warn("{} could not be made as it was before the restore: {}{}", text_of(place), why,
                 backup.empty() ? "" : "; what was there is in " + printable(place.beside(backup).string()));
    return false;
}

// What is open for writing cannot be executed, and on what is open at all nobody gets a lease (fs/locks.c,
// check_conflicting_open).
UniqueFd hold(int fd) { return UniqueFd(::open(fmt::format("/proc/self/fd/{}", fd).c_str(), O_PATH | O_CLOEXEC)); }

// Whether a file is the one that was put there. What is not pinned may be another one that has got its inode number.
bool is_put(const struct ::stat& info, const PutBackStep& step, bool pinned) {
    return is_same(info, step.put) &&
           (pinned || (info.st_size == step.put.st_size && info.st_mtim.tv_sec == step.put.st_mtim.tv_sec &&
                       info.st_mtim.tv_nsec == step.put.st_mtim.tv_nsec));
}

} // namespace

PutBack::PutBack(std::chrono::system_clock::time_point when, fs::path journal)
    : when_(utc_compact(when)), journal_path_(std::move(journal)) {}

PutBack::~PutBack() {
    written_.clear();
    FoldersToFlush folders;
    for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) {
        try {
            undo(*step);
            folders.add(step->place);
        } catch (const std::exception& error) {
            warn_left(step->place, step->done.backup, error.what());
        }
    }
    try {
        folders.flush();
    } catch (const std::exception& error) {
        spdlog::warn("whether the disk keeps files as they were before the restore is not known: {}", error.what());
    }
    if (journal_)
        journal_->remove();
}

void PutBack::commit() noexcept {
    if (journal_)
        journal_->remove();
    written_.clear();
    steps_.clear();
}

PutBack::Step& PutBack::begin(FilePlace place) {
    Step& step = steps_.emplace_back(std::move(place));
    write_to_journal(step);
    return step;
}

UniqueFd PutBack::pin(int fd) {
    if (pins_ >= descriptor_limit() / k_pinned_part)
        return {};
    ++pins_;
    return hold(fd);
}

void PutBack::write_to_journal(const Step& step) {
    if (journal_path_.empty())
        return;
    if (!journal_)
        journal_.emplace(journal_path_);
    journal_->add(step.done);
}

std::string PutBack::backup_name(const FilePlace& place, int number) const {
    return name_with(place.name(), number == 1 ? fmt::format("{}{}", k_backup_mark, when_)
                                               : fmt::format("{}{}_{}", k_backup_mark, when_, number));
}

// A second name for what is there, so that the first is never without a file; where there are no hard links, its only
// name.
void PutBack::keep_present(Step& step) {
    const FilePlace& place = step.place;
    for (int number = 1; number <= k_most_backups; ++number) {
        const std::string name = backup_name(place, number);
        if (place.entry(name))
            continue;
        step.done.backup = name;
        write_to_journal(step);
        if (::linkat(place.folder(), place.name().c_str(), place.folder(), name.c_str(), 0) == 0)
            return;
        int err = errno;
        if (err == EPERM || err == EOPNOTSUPP || err == ENOSYS || err == EMLINK) {
            if (place.rename_to_free(place.name(), name))
                return;
            err = errno;
        }
        // A call that failed may have been carried out all the same, where a file server answers.
        if (err != EEXIST && is_second_name(place, name))
            ::unlinkat(place.folder(), name.c_str(), 0);
        step.done.backup.clear();
        if (err != EEXIST)
            throw cannot_keep(place, err);
    }
    throw cannot_keep(place, EEXIST);
}

// An empty file for what is to be cut off.
UniqueFd PutBack::create_backup(Step& step, const struct ::stat& like) {
    const FilePlace& place = step.place;
    for (int number = 1; number <= k_most_backups; ++number) {
        const std::string name = backup_name(place, number);
        if (place.entry(name))
            continue;
        step.done.backup = name;
        write_to_journal(step);
        UniqueFd fd(::openat(place.folder(), name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
        const int err = errno;
        // As readable as the file itself, where that can be had.
        if (fd && ::fchown(fd.get(), like.st_uid, like.st_gid) == 0)
            ::fchmod(fd.get(), like.st_mode & 0777);
        if (fd)
            return fd;
        step.done.backup.clear();
        if (err != EEXIST)
            throw cannot_keep(place, err);
    }
    throw cannot_keep(place, EEXIST);
}

fs::path PutBack::replace(FilePlace place, const CapturedFile& file, const Content& content) {
    write(std::move(place), file, content);
    return settle().back();
}

void PutBack::write(FilePlace file_place, const CapturedFile& file, const Content& content) {
    Step& step = begin(std::move(file_place));
    NewFile replacement(step.place);
    const UniqueFd present = step.place.open_present(O_RDONLY);
    if (present)
        replacement.copy_attributes_of(present.get());
    for (auto piece = content(); !piece.empty(); piece = content())
        replacement.write(piece);
    replacement.complete(file);
    written_.push_back({.step = step, .file = std::move(replacement), .replaces = static_cast<bool>(present)});
    if (++opened_ >= descriptor_limit() / k_unnamed_part)
        settle_written();
}

void PutBack::take(FilePlace file_place, NewFile made, const CapturedFile& file, Attributes attributes) {
    Step& step = begin(std::move(file_place));
    const UniqueFd present = step.place.open_present(O_RDONLY);
    const bool has_more = present && made.copy_attributes_of(present.get());
    const bool is_complete = attributes == Attributes::as_made && !has_more;
    if (!is_complete)
        made.complete(file);
    written_.push_back(
        {.step = step, .file = std::move(made), .replaces = static_cast<bool>(present), .is_flushed = is_complete});
}

std::vector<fs::path> PutBack::settle() {
    settle_written();
    return std::exchange(settled_, {});
}

void PutBack::settle_written() {
    flush_written();
    for (Written& one : written_) {
        give_name(one);
        const Step& step = one.step;
        changed_.add(step.place);
        settled_.push_back(step.done.backup.empty() ? fs::path() : step.place.beside(step.done.backup));
    }
    changed_.flush();
    written_.clear();
    opened_ = 0;
}

// Before any of them has a name.
void PutBack::flush_written() const {
    std::vector<const NewFile*> files;
    for (const Written& one : written_)
        if (!one.is_flushed)
            files.push_back(&one.file);
    flush_all(files);
}

void PutBack::give_name(Written& written) {
    Step& step = written.step;
    step.done.put = written.file.info();
    step.pinned = pin(written.file.fd());
    if (written.replaces) {
        keep_present(step);
        written.file.replace(step.place);
    } else {
        write_to_journal(step);
        written.file.create(step.place);
    }
}

fs::path PutBack::cut(FilePlace file_place, const CapturedFile& file) {
    Step& step = begin(std::move(file_place));
    const FilePlace& place = step.place;
    const UniqueFd present = place.open_present(O_RDWR);
    struct ::stat before {};
    if (!present || ::fstat(present.get(), &before) != 0 || static_cast<std::uint64_t>(before.st_size) <= file.size)
        throw Error(Fault::restore_failed, fmt::format("{} changed while it was looked at", text_of(place)));
    step.done.put = before;
    step.done.is_cut = true;
    step.done.before = before;
    step.pinned = pin(present.get());
    const UniqueFd tail = create_backup(step, before);
    fs::path backup_path = place.beside(step.done.backup);
    const std::uint64_t size = static_cast<std::uint64_t>(before.st_size) - file.size;
    if (copy_bytes(present.get(), file.size, size, tail.get(), place.path()) != size)
        throw Error(Fault::restore_failed, fmt::format("{} changed while it was copied", text_of(place)));
    sync_file(tail.get(), backup_path);
    place.sync();
    if (::ftruncate(present.get(), static_cast<off_t>(file.size)) != 0)
        throw OsFailure(Fault::storage).error("cannot cut {}", text_of(place));
    sync_file(present.get(), place.path());
    return backup_path;
}

void PutBack::make(FilePlace file_place, const NamedPlace& made) {
    Step& step = steps_.emplace_back(std::move(file_place));
    const FilePlace& place = step.place;
    const char* const name = place.name().c_str();
    step.done.is_place = true;
    write_to_journal(step);
    // Nobody else enters a folder before it has its owner.
    const int done = made.is_link() ? ::symlinkat(made.leads_to.c_str(), place.folder(), name)
                                    : ::mkdirat(place.folder(), name, 0700);
    if (done != 0) {
        const int err = errno;
        // What is there is not this restore's to take away.
        steps_.pop_back();
        throw os_error(err, fmt::format("cannot make {}", printable(made.path)), Fault::restore_failed);
    }
    if (::fstatat(place.folder(), name, &step.done.put, AT_SYMLINK_NOFOLLOW) != 0)
        throw OsFailure(Fault::restore_failed).error("cannot look at {}", text_of(place));
    write_to_journal(step);
    if (::fchownat(place.folder(), name, made.owner, made.group, AT_SYMLINK_NOFOLLOW) != 0)
        spdlog::warn("cannot give {} to user {} and group {}: {}", text_of(place), made.owner, made.group,
                     errno_text(errno));
    if (!made.is_link() && ::fchmodat(place.folder(), name, made.mode, 0) != 0)
        throw OsFailure(Fault::restore_failed).error("cannot give {} its mode", text_of(place));
    if (!made.extended_attributes.empty()) {
        const UniqueFd folder(::openat(place.folder(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!folder || !set_extended_attributes(folder.get(), made.extended_attributes))
            warn_without_attributes(place);
    }
    changed_.add(place);
}

bool PutBack::undo(const Step& step) {
    return step.done.is_place ? undo_make(step) : step.done.is_cut ? undo_cut(step) : undo_replace(step);
}

// A folder in which somebody has put something meanwhile stays.
bool PutBack::undo_make(const Step& step) {
    const FilePlace& place = step.place;
    const auto present = place.entry(place.name());
    // Killed before it was made, or right after: then it is not known whose it is.
    if (!present || step.done.put.st_ino == 0 || !is_same(*present, step.done.put))
        return true;
    if (::unlinkat(place.folder(), place.name().c_str(), S_ISDIR(present->st_mode) ? AT_REMOVEDIR : 0) != 0)
        return warn_left(place, "", errno_text(errno));
    return true;
}

bool PutBack::undo_cut(const Step& step) {
    const FilePlace& place = step.place;
    const PutBackStep& done = step.done;
    if (done.backup.empty())
        return true;
    const UniqueFd file = place.open_present(O_RDWR);
    const UniqueFd tail(::openat(place.folder(), done.backup.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    struct ::stat info {};
    struct ::stat kept {};
    if (!file || ::fstat(file.get(), &info) != 0 || !is_same(info, done.put))
        return warn_left(place, done.backup, "something else is there by now");
    // If it still has its size, it was not cut yet.
    if (info.st_size != done.before.st_size) {
        if (!tail || ::fstat(tail.get(), &kept) != 0 || info.st_size + kept.st_size != done.before.st_size)
            return warn_left(place, done.backup, "it was written to meanwhile");
        ::lseek(file.get(), 0, SEEK_END);
        copy_bytes(tail.get(), 0, static_cast<std::uint64_t>(kept.st_size), file.get(), place.path());
        const std::array<timespec, 2> times = {done.before.st_atim, done.before.st_mtim};
        ::futimens(file.get(), times.data());
        sync_file(file.get(), place.path());
    }
    ::unlinkat(place.folder(), done.backup.c_str(), 0);
    return true;
}

bool PutBack::undo_replace(const Step& step) {
    const FilePlace& place = step.place;
    const PutBackStep& done = step.done;
    const bool pinned = static_cast<bool>(step.pinned);
    const auto present = place.entry(place.name());
    const bool is_there = present && is_put(*present, done, pinned);
    if (done.backup.empty()) {
        if (is_there)
            ::unlinkat(place.folder(), place.name().c_str(), 0);
        return true;
    }
    const auto kept = place.entry(done.backup);
    // Killed between the note and the backup.
    if (!kept && !pinned && !is_there)
        return true;
    if (!kept)
        return warn_left(place, "", "its backup is gone");
    // It was not replaced yet: rename(2) would do nothing with two names of one file.
    if (present && is_same(*present, *kept))
        ::unlinkat(place.folder(), done.backup.c_str(), 0);
    else if (present && !is_there)
        return warn_left(place, done.backup, "something else is there by now");
    else if (::renameat(place.folder(), done.backup.c_str(), place.folder(), place.name().c_str()) != 0)
        return warn_left(place, done.backup, errno_text(errno));
    return true;
}

bool PutBackUndo::undo(const PutBackStep& done) {
    PutBack::Step step{places_.place(done.path)};
    step.done = done;
    if (folders_.add(step.place))
        remove_unfinished(step.place, writer_);
    return PutBack::undo(step);
}

} // namespace cedana
