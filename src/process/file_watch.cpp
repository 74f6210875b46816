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
#include <string_view>
#include <system_error>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "handle_folders.hpp"

namespace cedana {

namespace {

// With a FAN_MODIFY for every write a busy program would fill the queue; whatever was written is closed at last, or is
// seen open at the freeze.
constexpr std::uint64_t k_what = FAN_CLOSE_WRITE;
constexpr unsigned k_mark = FAN_MARK_ADD | FAN_MARK_FILESYSTEM;

UniqueFd open_group(unsigned how) {
    constexpr unsigned k_flags = FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK;
    // How the kernel opens files for us, if it does: without waiting for leases.
    constexpr unsigned k_file_flags = O_RDONLY | O_LARGEFILE | O_CLOEXEC | O_NONBLOCK | O_NOATIME;
    UniqueFd events(::fanotify_init(k_flags | how | FAN_REPORT_PIDFD, k_file_flags));
    // Linux before 5.15 has no pidfds in it.
    if (!events && errno == EINVAL)
        events = UniqueFd(::fanotify_init(k_flags | how, k_file_flags));
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

// What is written to an overlay is told of its own file, and of that in its upper folder, which nobody writes to.
std::optional<std::string> upper_of(const Mount& mount) {
    constexpr std::string_view k_upper = "upperdir=";
    if (mount.type != "overlay")
        return std::nullopt;
    for (const std::string& option : split(mount.options, ','))
        if (option.starts_with(k_upper))
            return option.substr(k_upper.size());
    return std::nullopt;
}

std::string path_of(const UniqueFd& file) {
    std::error_code ignored;
    return std::filesystem::read_symlink(fmt::format("/proc/self/fd/{}", file.get()), ignored).string();
}

} // namespace

FileWatch::FileWatch(const Procfs& procfs, const ProcessTree& tree, pid_t self, ToldOf told)
    : procfs_(procfs), self_(self), tree_(procfs, tree.root().pid()), opened_(open_group(0)),
      ready_(::epoll_create1(EPOLL_CLOEXEC)), folders_(std::make_unique<HandleFolders>()) {
    if (!opened_) {
        const int err = errno;
        throw Error(
            Fault::environment,
            fmt::format("the kernel does not tell which files a program writes (fanotify: {})", errno_text(err)));
    }
    if (told == ToldOf::by_handles)
        handles_ = open_group(FAN_REPORT_FID | FAN_REPORT_DFID_NAME);
    add_to(ready_, opened_.get());
    add_to(ready_, handles_.get());
    add_to(ready_, tree_.fd());
    mark_all(tree);
}

FileWatch::~FileWatch() = default;

// A mark on a file system is one on all of its mounts, those too that a process makes for itself during the wait.
void FileWatch::mark_all(const ProcessTree& tree) {
    struct FileSystem {
        std::string mount;
        bool served = false;
        std::vector<std::string> places;
    };
    std::set<std::pair<std::string, std::string>> views;
    std::map<std::string, FileSystem> devices;
    for (const TreeProcess& process : tree.processes) {
        const pid_t pid = process.pid();
        if (!views.emplace(procfs_.link(pid, "ns/mnt").value_or(""), procfs_.link(pid, "root").value_or("")).second)
            continue;
        for (const Mount& mount : parse_mounts(procfs_.read(pid, "mountinfo").value_or(""))) {
            if (is_made_up(mount))
                continue;
            if (auto upper = upper_of(mount))
                uppers_.insert(std::move(*upper));
            FileSystem& one = devices[mount.device];
            if (one.places.empty())
                one = {.mount = mount.path, .served = is_served(mount), .places = {}};
            // By the whole of it every file is found, by a part of it that is mounted elsewhere not.
            one.places.insert(mount.root == "/" ? one.places.begin() : one.places.end(),
                              fmt::format("/proc/{}/root{}", pid, mount.path));
        }
    }
    for (const auto& [device, one] : devices) {
        if ((!one.served && mark_by_handles(one.places)) || mark_by_opening(one.places))
            mounts_.push_back(one.mount);
        // A user's FUSE mount, which root may not look into either; or one that another mount lies over.
        else if (errno != EACCES && errno != ENOENT)
            gaps_.insert(fmt::format("{} could not be watched: {}", printable(one.mount), errno_text(errno)));
    }
    if (mounts_.empty())
        throw Error(Fault::environment, "no file system of the program can be watched for what it writes")
            .cause(fmt::format("{}", fmt::join(gaps_, "; ")));
}

bool FileWatch::mark_by_handles(const std::vector<std::string>& places) {
    bool marked = false;
    for (const std::string& place : places)
        if (handles_ && folders_->add(place))
            marked = marked || ::fanotify_mark(handles_.get(), k_mark, k_what, AT_FDCWD, place.c_str()) == 0;
    return marked;
}

bool FileWatch::mark_by_opening(const std::vector<std::string>& places) {
    return std::ranges::any_of(places, [&](const std::string& place) {
        return ::fanotify_mark(opened_.get(), k_mark, k_what, AT_FDCWD, place.c_str()) == 0;
    });
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
    take_from(opened_, state);
    take_from(handles_, state);
}

void FileWatch::take_from(const UniqueFd& events, TreeState state) {
    // Some 64 events, each with two descriptors: more would not fit under the usual limit. By handles 3 at the least.
    std::array<std::byte, 2048> buffer;
    // More than the queue holds: what was there at the beginning is taken, however fast others go on writing.
    constexpr int k_most_reads = 8192;
    for (int reads = 0; events && reads < k_most_reads; ++reads) {
        const ssize_t count = ::read(events.get(), buffer.data(), buffer.size());
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

FileWatch::Watched FileWatch::look_up(FileEvent event) const {
    if (event.file)
        return {.file = std::move(event.file), .closed_at = {}};
    const EventHandles& handles = event.handles;
    std::string closed_at;
    if (const UniqueFd folder = folders_->open(handles.file_system, handles.folder))
        closed_at = std::filesystem::path(path_of(folder)) / handles.name;
    return {.file = folders_->open(handles.file_system, handles.file), .closed_at = std::move(closed_at)};
}

void FileWatch::add(FileEvent event) {
    if (event.overflow) {
        gaps_.insert("more was written than the kernel keeps in mind (/proc/sys/fs/fanotify/max_queued_events)");
        return;
    }
    const bool of_tree = event.pid != self_ && is_by_tree(event);
    const bool of_nobody = event.pid != self_ && !event.process && tree_.may_lack_some();
    if (!of_tree && !of_nobody)
        return;
    Watched file = look_up(std::move(event));
    // What is gone need not be in the checkpoint.
    if (const int err = errno; !file.file && err != ESTALE)
        gaps_.insert(fmt::format("a file that was written could not be looked at: {}", errno_text(err)));
    const auto info = file.file ? look_at(file.file) : std::nullopt;
    if (!info || !is_file(*info) || files_.contains(file_id(*info)))
        return;
    if (of_tree)
        keep(std::move(file), *info);
    else
        gaps_.insert("a process that wrote something ended before it could be seen whose child it was");
}

void FileWatch::keep(Watched file, const struct ::stat& info) {
    if (files_.size() == k_most_watched_files)
        forget_deleted();
    if (files_.size() < k_most_watched_files)
        files_.emplace(file_id(info), std::move(file));
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
        const auto info = look_at(one.second.file);
        return !info || !is_file(*info);
    });
}

bool FileWatch::is_in_upper_folder(const std::string& path, const struct ::stat& info) const {
    // By a mount of the overlay's own, where the kernel opened it, its path begins there.
    return std::ranges::any_of(uppers_, [&](const std::string& upper) {
        return path.starts_with(upper + "/") || is_seen_at(upper + path, info);
    });
}

WatchedFiles FileWatch::seen() const {
    WatchedFiles result{.written = {}, .gaps = {gaps_.begin(), gaps_.end()}};
    std::map<std::string, std::set<FileId>> nameless;
    for (const auto& [id, file] : files_) {
        const auto info = look_at(file.file);
        // Of several names (hard links) the kernel may know another one than that by which it was written.
        const bool is_there = info && is_seen_at(file.closed_at, *info);
        const std::string path = is_there ? file.closed_at : path_of(file.file);
        if (!info || !is_file(*info) || !is_kept_by_file_system(path) || is_in_upper_folder(path, *info))
            continue;
        if (is_there || is_seen_at(path, *info))
            result.written.files.push_back({.path = path, .info = *info, .uses = {}});
        // By a handle it has no name that the kernel has forgotten (of a folder that nobody uses any more).
        else if (without_deleted(path) != path || path == "/")
            nameless[std::filesystem::path(file.closed_at.empty() ? path : file.closed_at).parent_path().string()]
                .insert(id);
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
    opened_.reset();
    handles_.reset();
    folders_ = std::make_unique<HandleFolders>();
    WatchedFiles result = seen();
    files_.clear();
    return result;
}

} // namespace cedana
