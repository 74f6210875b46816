// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/open_files.hpp"

#include "cedana/base/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <map>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>

namespace cedana {

namespace {

template <typename Number>
std::optional<Number> number(std::string_view text, int base = 10) {
    Number result = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), result, base);
    return error == std::errc() && end == text.data() + text.size() ? std::optional(result) : std::nullopt;
}

// Takes the next line off `text`, without its end.
std::string_view next_line(std::string_view& text) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    return line;
}

// "1: FLOCK  ADVISORY  WRITE 359 00:13:11691 0 EOF" without its number, pid and file.
std::string lock_of(std::string_view line) {
    std::vector<std::string> words;
    for (std::string& word : split(trim(line), ' '))
        if (!word.empty())
            words.push_back(std::move(word));
    constexpr std::size_t k_words = 8;
    if (words.size() != k_words)
        return std::string(trim(line));
    return fmt::format("{} {} {} {} {}", words[1], words[2], words[3], words[6], words[7]);
}

// "tfd:       19 events:       19 data:               13  pos:0 ino:f sdev:c" (fs/eventpoll.c)
void take_target(OpenFile& file, std::string_view line) {
    constexpr std::string_view k_target = "tfd:";
    constexpr std::string_view k_events = " events:";
    constexpr std::string_view k_inode = " ino:";
    ++file.watches;
    const std::string_view rest = trim(line.substr(k_target.size()));
    const std::size_t inode = rest.find(k_inode);
    const auto fd = number<int>(rest.substr(0, rest.find(' ')));
    if (!fd || inode == std::string_view::npos)
        return;
    const auto word_behind = [&](std::size_t at) {
        const std::string_view word = trim(rest.substr(std::min(at, rest.size())));
        return word.substr(0, word.find(' '));
    };
    const std::size_t events = rest.find(k_events);
    if (const auto found = number<std::uint64_t>(word_behind(inode + k_inode.size()), 16))
        file.epoll_targets.push_back(
            {.fd = *fd,
             .inode = *found,
             .events = events == std::string_view::npos
                           ? 0
                           : number<unsigned>(word_behind(events + k_events.size()), 16).value_or(0)});
}

// /proc/PID/fdinfo/N, see proc(5). The "lock:" lines are of the locks that are held through this descriptor, also
// those that /proc/locks lists under the pid of somebody else or of nobody (inherited, or of the open file).
void take_fdinfo(OpenFile& file, std::string_view content) {
    constexpr std::string_view k_flags = "flags:\t";
    constexpr std::string_view k_master = "tty-index:\t";
    constexpr std::string_view k_map_type = "map_type:\t";
    constexpr std::string_view k_clock = "clockid: ";
    constexpr std::string_view k_mount = "mnt_id:\t";
    constexpr std::string_view k_position = "pos:\t";
    constexpr std::string_view k_lock = "lock:";
    constexpr std::string_view k_pid = "Pid:";
    // Linux 5.6 and later.
    constexpr std::string_view k_in_flight = "scm_fds: ";
    while (!content.empty()) {
        const std::string_view line = next_line(content);
        if (line.starts_with(k_flags))
            file.flags = number<unsigned>(line.substr(k_flags.size()), 8).value_or(0);
        else if (line.starts_with(k_mount))
            file.mount = number<int>(line.substr(k_mount.size()));
        else if (line.starts_with(k_position))
            file.position = number<std::uint64_t>(line.substr(k_position.size())).value_or(0);
        else if (line.starts_with(k_lock))
            file.locks.push_back(lock_of(line.substr(k_lock.size())));
        else if (line.starts_with("inotify wd:"))
            ++file.watches;
        else if (line.starts_with("tfd:"))
            take_target(file, line);
        else if (line.starts_with(k_pid))
            file.names_process = number<pid_t>(trim(line.substr(k_pid.size())));
        else if (line.starts_with(k_map_type))
            file.map_type = number<unsigned>(line.substr(k_map_type.size()));
        else if (line.starts_with(k_clock))
            file.clock = number<int>(line.substr(k_clock.size()));
        else if (line.starts_with(k_master))
            file.master_of = number<unsigned>(line.substr(k_master.size()));
        else if (line.starts_with(k_in_flight))
            file.in_flight = number<std::uint64_t>(line.substr(k_in_flight.size())).value_or(0);
    }
}

struct MapLine {
    // As the file in map_files is called.
    std::string range;
    // "rw-s"
    std::string_view mode;
    std::uint64_t inode = 0;
    std::string_view path;
};

// "start-end rw-p …". Those of the kernel in each process ([vdso], [vvar], [vsyscall]) are not the process's.
std::uint64_t private_length(std::string_view line) {
    const std::size_t dash = line.find('-');
    const std::size_t space = line.find(' ');
    constexpr std::size_t k_shared = 4;
    if (dash == std::string_view::npos || space == std::string_view::npos || line.size() <= space + k_shared ||
        line[space + k_shared] != 'p' || line.find("[v", space) != std::string_view::npos)
        return 0;
    const auto start = number<std::uint64_t>(line.substr(0, dash), 16);
    const auto end = number<std::uint64_t>(line.substr(dash + 1, space - dash - 1), 16);
    return start && end && *start < *end ? *end - *start : 0;
}

bool is_nameless_shared(const MapLine& line) { return line.mode.ends_with('s') && line.path == "/dev/zero (deleted)"; }

std::string_view without_leading_zeros(std::string_view text) {
    return text.substr(std::min(text.find_first_not_of('0'), text.size()));
}

// "start-end mode offset device inode   path", see proc(5).
std::optional<MapLine> parse_map_line(std::string_view line) {
    std::array<std::string_view, 5> fields;
    for (std::string_view& field : fields) {
        line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
        field = line.substr(0, line.find(' '));
        line.remove_prefix(field.size());
    }
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    const std::size_t dash = fields[0].find('-');
    const auto inode = number<std::uint64_t>(fields[4]);
    // Without a file the inode is 0, but so it is of the host's first System V segment (ipc/shm.c: the inode is the
    // id).
    if (dash == std::string_view::npos || !inode || (*inode == 0 && !line.starts_with('/')) || line.empty())
        return std::nullopt;
    return MapLine{.range = fmt::format("{}-{}", without_leading_zeros(fields[0].substr(0, dash)),
                                        without_leading_zeros(fields[0].substr(dash + 1))),
                   .mode = fields[1],
                   .inode = *inode,
                   .path = line};
}

// The kernel writes a line feed as "\\012" there, and nothing else so (fs/seq_file.c, seq_file_path;
// fs/proc/task_mmu.c): what is called so already looks the same, and the link alone says which it is.
std::string mapped_name(const Procfs& procfs, pid_t pid, const MapLine& line) {
    if (line.path.find("\\012") == std::string_view::npos)
        return std::string(line.path);
    return procfs.link(pid, ("map_files/" + line.range).c_str()).value_or(std::string(line.path));
}

} // namespace

// fs/eventpoll.c: once it was told, nothing but these bits is left of it (EP_PRIVATE_BITS).
bool EpollTarget::is_used_up() const noexcept {
    constexpr unsigned k_once = 1U << 30;
    constexpr unsigned k_private = k_once | 1U << 31 | 1U << 29 | 1U << 28;
    return (events & k_once) != 0 && (events & ~k_private) == 0;
}

bool OpenFile::readable() const noexcept { return (flags & O_ACCMODE) != O_WRONLY; }
bool OpenFile::writable() const noexcept { return (flags & O_ACCMODE) != O_RDONLY; }

bool OpenFile::is_place() const noexcept { return (flags & O_PATH) != 0; }

std::vector<OpenFile> open_files(const Procfs& procfs, pid_t pid) {
    std::vector<OpenFile> files;
    for (const std::string& name : procfs.names(pid, "fd")) {
        const std::string link = "fd/" + name;
        auto target = procfs.link(pid, link.c_str());
        const auto fdinfo = procfs.read(pid, ("fdinfo/" + name).c_str());
        const auto fd = number<int>(name);
        if (!target || !fdinfo || !fd)
            continue;
        OpenFile file{.fd = *fd, .target = std::move(*target), .info = procfs.file(pid, link.c_str())};
        take_fdinfo(file, *fdinfo);
        files.push_back(std::move(file));
    }
    std::sort(files.begin(), files.end(), [](const OpenFile& a, const OpenFile& b) { return a.fd < b.fd; });
    return files;
}

std::vector<MappedFile> mapped_files(const Procfs& procfs, pid_t pid) { return mappings_of(procfs, pid).files; }

Mappings mappings_of(const Procfs& procfs, pid_t pid) {
    const std::string content = procfs.read(pid, "maps").value_or("");
    Mappings mappings;
    std::vector<MappedFile>& files = mappings.files;
    std::map<std::pair<std::uint64_t, std::string_view>, std::size_t> known;
    std::pair<std::uint64_t, std::string_view> last_opened;
    for (std::string_view rest = content; !rest.empty();) {
        const std::string_view text = next_line(rest);
        mappings.private_bytes += private_length(text);
        mappings.probed = mappings.probed || text.ends_with(" [uprobes]");
        const auto line = parse_map_line(text);
        if (!line)
            continue;
        const auto [place, is_new] = known.try_emplace({line->inode, line->path}, files.size());
        if (is_new)
            files.push_back({.target = mapped_name(procfs, pid, *line), .info = std::nullopt});
        MappedFile& file = files[place->second];
        if (is_nameless_shared(*line) || std::exchange(last_opened, place->first) != place->first)
            ++mappings.opened_to_map;
        const bool is_written = line->mode.size() == 4 && line->mode[1] == 'w' && line->mode[3] == 's';
        file.written = file.written || is_written;
        // The device in maps is not always that of stat(2) (btrfs), so the file itself is asked.
        if (!file.info && (is_written || (is_new && file.target.ends_with(" (deleted)"))))
            file.info = procfs.file(pid, ("map_files/" + line->range).c_str());
        if (file.read_shared.empty() && !is_written && line->mode.ends_with('s') && line->path.starts_with("/memfd:"))
            file.read_shared = "map_files/" + line->range;
    }
    return mappings;
}

std::optional<std::uint64_t> inode_of(std::string_view target, std::string_view kind) {
    if (!target.starts_with(kind) || !target.substr(kind.size()).starts_with(":[") || !target.ends_with(']'))
        return std::nullopt;
    return number<std::uint64_t>(target.substr(kind.size() + 2, target.size() - kind.size() - 3));
}

} // namespace cedana
