// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/file_watch.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/mounts.hpp"
#include "cedana/base/text.hpp"
#include "cedana/process/lost_names.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <optional>
#include <span>
#include <system_error>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace cedana {

namespace {

// With a FAN_MODIFY for every write a busy program would fill the queue; whatever was written is closed at last, or is
// seen open at the freeze.
constexpr std::uint64_t k_what = FAN_CLOSE_WRITE;

UniqueFd open_events() {
    constexpr unsigned k_flags = FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK;
    // How the kernel opens files for us: without waiting for leases.
    constexpr unsigned k_file_flags = O_RDONLY | O_LARGEFILE | O_CLOEXEC | O_NONBLOCK | O_NOATIME;
    UniqueFd events(::fanotify_init(k_flags | FAN_REPORT_PIDFD, k_file_flags));
    // Linux before 5.15 has no pidfds in it.
    if (!events && errno == EINVAL)
        events = UniqueFd(::fanotify_init(k_flags, k_file_flags));
    if (!events) {
        const int err = errno;
        throw Error(
            Fault::environment,
            fmt::format("the kernel does not tell which files a program writes (fanotify: {})", errno_text(err)));
    }
    return events;
}

void add_to(const UniqueFd& epoll, int fd) {
    epoll_event wanted{.events = EPOLLIN, .data = {}};
    if (fd >= 0 && ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &wanted) != 0)
        throw OsFailure().error("cannot wait for events");
}

bool is_file(const struct ::stat& info) { return S_ISREG(info.st_mode) && info.st_nlink > 0; }

std::optional<struct ::stat> look_at(const UniqueFd& file) {
    struct ::stat info {};
    return ::fstat(file.get(), &info) == 0 ? std::optional(info) : std::nullopt;
}

std::string path_of(const UniqueFd& file) {
    std::error_code ignored;
    return std::filesystem::read_symlink(fmt::format("/proc/self/fd/{}", file.get()), ignored).string();
}

} // namespace

FileWatch::FileWatch(const Procfs& procfs, const ProcessTree& tree, pid_t self)
    : procfs_(procfs), self_(self), tree_(procfs, tree.root().pid()), events_(open_events()),
      ready_(::epoll_create1(EPOLL_CLOEXEC)) {
    add_to(ready_, events_.get());
    add_to(ready_, tree_.fd());
    mark_all(tree);
}

// A mark on a file system is one on all of its mounts, those too that a process makes for itself during the wait.
void FileWatch::mark_all(const ProcessTree& tree) {
    std::set<std::pair<std::string, std::string>> views;
    std::set<std::string> devices;
    for (const TreeProcess& process : tree.processes) {
        const pid_t pid = process.pid();
        if (!views.emplace(procfs_.link(pid, "ns/mnt").value_or(""), procfs_.link(pid, "root").value_or("")).second)
            continue;
        for (const Mount& mount : parse_mounts(procfs_.read(pid, "mountinfo").value_or(""))) {
            if (is_made_up(mount) || !devices.insert(mount.device).second)
                continue;
            const std::string path = fmt::format("/proc/{}/root{}", pid, mount.path);
            constexpr unsigned k_how = FAN_MARK_ADD | FAN_MARK_FILESYSTEM;
            const int err = ::fanotify_mark(events_.get(), k_how, k_what, AT_FDCWD, path.c_str()) == 0 ? 0 : errno;
            if (err == 0)
                mounts_.push_back(mount.path);
            // A user's FUSE mount, which root may not look into either; or one that another mount lies over.
            else if (err != EACCES && err != ENOENT)
                gaps_.insert(fmt::format("{} could not be watched: {}", printable(mount.path), errno_text(err)));
        }
    }
    if (mounts_.empty())
        throw Error(Fault::environment, "no file system of the program can be watched for what it writes")
            .cause(fmt::format("{}", fmt::join(gaps_, "; ")));
}

bool FileWatch::is_by_tree(const FileEvent& event) const {
    if (!tree_.contain(event.pid))
        return false;
    const auto stat = event.process ? procfs_.stat(event.pid) : std::nullopt;
    // The number is that of the process behind the pidfd until this was reaped; then the kept list must do.
    const bool is_there = stat && ::syscall(SYS_pidfd_send_signal, event.process.get(), 0, nullptr, 0) == 0;
    return !is_there || tree_.contain(ProcessId{.pid = event.pid, .start_time = stat->start_time});
}

void FileWatch::take(TreeState state) {
    // Some 64 events, each with two descriptors: more would not fit under the usual limit.
    std::array<std::byte, 2048> buffer;
    // More than the queue holds: what was there at the beginning is taken, however fast others go on writing.
    constexpr int k_most_reads = 1024;
    for (int reads = 0; reads < k_most_reads; ++reads) {
        const ssize_t count = ::read(events_.get(), buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR)
            continue;
        // Whoever is told of here was forked before, so that the list of children is complete after this.
        tree_.update(state);
        if (count == 0 || (count < 0 && errno == EAGAIN))
            return;
        // The event is gone: the kernel could not open its file for us.
        if (count < 0) {
            const int err = errno;
            gaps_.insert(fmt::format("a file that was written could not be looked at: {}", errno_text(err)));
            continue;
        }
        for (FileEvent& event : take_file_events(std::span(buffer).first(static_cast<std::size_t>(count))))
            add(std::move(event));
    }
}

void FileWatch::add(FileEvent event) {
    if (event.overflow) {
        gaps_.insert("more was written than the kernel keeps in mind (/proc/sys/fs/fanotify/max_queued_events)");
        return;
    }
    const auto info = event.file ? look_at(event.file) : std::nullopt;
    if (!info || !is_file(*info) || files_.contains(file_id(*info)) || event.pid == self_)
        return;
    if (!is_by_tree(event)) {
        if (!event.process && tree_.may_lack_some())
            gaps_.insert("a process that wrote something ended before it could be seen whose child it was");
        return;
    }
    if (files_.size() == k_most_watched_files)
        forget_deleted();
    if (files_.size() < k_most_watched_files)
        files_.emplace(file_id(*info), std::move(event.file));
    else
        gaps_.insert(fmt::format("it wrote more than {} files", k_most_watched_files));
}

// Temporary files come and go; but looking at all of them for each new one would take too long.
void FileWatch::forget_deleted() {
    if (until_next_look_ != 0) {
        --until_next_look_;
        return;
    }
    until_next_look_ = k_most_watched_files / 4;
    std::erase_if(files_, [](const auto& one) {
        const auto info = look_at(one.second);
        return !info || !is_file(*info);
    });
}

WatchedFiles FileWatch::seen() const {
    WatchedFiles result{.written = {}, .gaps = {gaps_.begin(), gaps_.end()}};
    std::map<std::string, std::set<FileId>> nameless;
    for (const auto& [id, file] : files_) {
        const auto info = look_at(file);
        const std::string path = path_of(file);
        if (!info || !is_file(*info) || !is_kept_by_file_system(path))
            continue;
        if (is_seen_at(path, *info))
            result.written.files.push_back({.path = path, .info = *info, .uses = {}});
        else if (without_deleted(path) != path)
            nameless[std::filesystem::path(path).parent_path().string()].insert(id);
        else if (const auto mount = std::ranges::find_if(
                     mounts_, [&](const std::string& one) { return is_seen_at(one + path, *info); });
                 mount != mounts_.end())
            // Written through a mount of a namespace that is gone: its paths begin at the file system's root.
            result.written.files.push_back({.path = *mount + path, .info = *info, .uses = {}});
        else
            result.written.unseen.push_back(path);
    }
    std::size_t missing = 0;
    for (const auto& [folder, wanted] : nameless) {
        std::vector<WrittenFile> found = find_by_inode(folder, wanted);
        missing += wanted.size() - found.size();
        std::ranges::move(found, std::back_inserter(result.written.files));
    }
    if (missing != 0)
        result.gaps.push_back(fmt::format("{} of the files that it wrote are not where it wrote them", missing));
    std::ranges::sort(result.written.files, {}, &WrittenFile::path);
    return result;
}

WatchedFiles FileWatch::finish() {
    take(TreeState::frozen);
    ready_.reset();
    events_.reset();
    WatchedFiles result = seen();
    files_.clear();
    return result;
}

} // namespace cedana
