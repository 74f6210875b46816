// SPDX-License-Identifier: Apache-2.0
#include "cedana/undo/kept_logs.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/state_folder.hpp"
#include "cedana/base/text.hpp"
#include "cedana/files/partial_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <exception>
#include <optional>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view k_ending = ".log";
// Logs of one process within one second.
constexpr int k_most_names = 1000;
// A longer line is cut: none of CRIU's is nearly as long.
constexpr std::size_t k_longest_line = 16UL * 1024;

// Fewer than `size` bytes only where the file ends.
std::string read_at(int fd, const fs::path& path, std::uint64_t offset, std::uint64_t size) {
    std::string text(size, '\0');
    std::size_t done = 0;
    while (done < text.size()) {
        const ssize_t count = ::pread(fd, text.data() + done, text.size() - done, static_cast<off_t>(offset + done));
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            throw OsFailure(Fault::storage).error("cannot read {}", path.string());
        if (count == 0)
            break;
        done += static_cast<std::size_t>(count);
    }
    text.resize(done);
    return text;
}

// The lines that tell why CRIU failed, as far as they fit. Errors and warnings do not share their room: a log may hold
// thousands of warnings before its first error.
class TellingLines {
  public:
    explicit TellingLines(std::uint64_t room) : errors_left_(room / 4 * 3), warnings_left_(room / 4) {}

    void add(std::string_view line) {
        if (line.find("Error (") != std::string_view::npos)
            add_line(line, errors_left_);
        else if (line.find("Warn  (") != std::string_view::npos)
            add_line(line, warnings_left_);
    }
    [[nodiscard]] const std::string& text() const { return text_; }

  private:
    void add_line(std::string_view line, std::uint64_t& left) {
        line = line.substr(0, k_longest_line);
        if (line.size() + 1 > left)
            return;
        left -= line.size() + 1;
        text_.append(line).append("\n");
    }

    std::uint64_t errors_left_;
    std::uint64_t warnings_left_;
    std::string text_;
};

std::string telling_lines_between(int fd, const fs::path& path, std::uint64_t from, std::uint64_t to,
                                  std::uint64_t room) {
    constexpr std::uint64_t k_block = 256UL * 1024;
    TellingLines telling(room);
    std::string open_line;
    while (from < to) {
        const std::string block = read_at(fd, path, from, std::min(k_block, to - from));
        if (block.empty())
            break;
        from += block.size();
        std::string_view rest = block;
        for (std::size_t end = 0; (end = rest.find('\n')) != std::string_view::npos; rest.remove_prefix(end + 1)) {
            open_line.append(rest.substr(0, end));
            telling.add(open_line);
            open_line.clear();
        }
        open_line.append(rest.substr(0, k_longest_line - std::min(k_longest_line, open_line.size())));
    }
    telling.add(open_line);
    return telling.text();
}

bool is_number(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

struct KeptLog {
    std::string name;
    std::pair<std::int64_t, std::int64_t> written;
    std::uint64_t bytes;

    bool operator<(const KeptLog& other) const { return std::tie(written, name) < std::tie(other.written, other.name); }
};

std::vector<KeptLog> kept_logs_in(int folder, const fs::path& path) {
    std::vector<KeptLog> logs;
    std::error_code error;
    for (const fs::path& entry : entries_of(path, error)) {
        const std::string name = entry.filename().string();
        struct ::stat info {};
        if (is_kept_log(name) && ::fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(info.st_mode))
            logs.push_back({.name = name,
                            .written = {info.st_mtim.tv_sec, info.st_mtim.tv_nsec},
                            .bytes = static_cast<std::uint64_t>(info.st_size)});
    }
    return logs;
}

// False if another cedana writes it.
bool remove_log(int folder, const std::string& name) {
    const UniqueFd file(::openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    return file && ::flock(file.get(), LOCK_EX | LOCK_NB) == 0 && ::unlinkat(folder, name.c_str(), 0) == 0;
}

// A new, locked file: the lock tells others that it is being written.
std::pair<UniqueFd, fs::path> new_log(const fs::path& folder, std::string_view kind, pid_t pid) {
    const std::string stem = fmt::format("{}-{}-{}", kind, pid, utc_compact(std::chrono::system_clock::now()));
    for (int number = 1; number <= k_most_names; ++number) {
        fs::path path = folder / (number == 1 ? fmt::format("{}{}", stem, k_ending)
                                              : fmt::format("{}_{}{}", stem, number, k_ending));
        if (UniqueFd file = create_partial(path))
            return {std::move(file), std::move(path)};
    }
    throw Error(Fault::storage, fmt::format("every name for a log in {} is taken", folder.string()));
}

} // namespace

std::string shortened_log(int fd, const fs::path& path, std::uint64_t limit) {
    struct ::stat info {};
    if (::fstat(fd, &info) != 0)
        throw OsFailure(Fault::storage).error("cannot look at {}", path.string());
    const auto size = static_cast<std::uint64_t>(info.st_size);
    if (size <= limit)
        return read_at(fd, path, 0, limit);
    // Room for the remark on what is left out.
    constexpr std::uint64_t k_remark = 256;
    const std::uint64_t room = limit - std::min(limit, k_remark);
    std::string head = read_at(fd, path, 0, room / 4);
    head.resize(head.rfind('\n') + 1);
    std::string tail = read_at(fd, path, size - room / 2, room / 2);
    tail.erase(0, tail.find('\n') + 1);
    const std::uint64_t end = size - tail.size();
    const std::string telling = telling_lines_between(fd, path, head.size(), end, room - room / 4 - room / 2);
    return fmt::format("{}... cedana left out {} of {} bytes here, but for these errors and warnings ...\n{}"
                       "... from here on the log is whole ...\n{}",
                       head, end - head.size(), size, telling, tail);
}

bool is_kept_log(std::string_view name) {
    constexpr std::string_view k_date = "20261122T164510Z";
    if (!name.ends_with(k_ending))
        return false;
    name.remove_suffix(k_ending.size());
    if (const std::size_t bar = name.rfind('_'); bar != std::string_view::npos) {
        if (!is_number(name.substr(bar + 1)))
            return false;
        name = name.substr(0, bar);
    }
    const std::size_t date = name.rfind('-');
    const std::size_t pid = date == std::string_view::npos || date == 0 ? date : name.rfind('-', date - 1);
    if (date == std::string_view::npos || pid == std::string_view::npos || pid == 0)
        return false;
    const std::string_view when = name.substr(date + 1);
    return is_number(name.substr(pid + 1, date - pid - 1)) && when.size() == k_date.size() &&
           is_number(when.substr(0, 8)) && when[8] == 'T' && is_number(when.substr(9, 6)) && when.back() == 'Z';
}

void remove_old_logs(const fs::path& folder, const LogLimits& limits) noexcept {
    try {
        const UniqueFd here = open_file(folder, O_RDONLY | O_DIRECTORY);
        // Two at once would each remove what it takes for too much, together more than that.
        if (::flock(here.get(), LOCK_EX | LOCK_NB) != 0)
            return;
        std::vector<KeptLog> logs = kept_logs_in(here.get(), folder);
        std::ranges::sort(logs, [](const KeptLog& a, const KeptLog& b) { return a < b; });
        std::size_t count = logs.size() + 1;
        std::uint64_t bytes = limits.bytes_each;
        for (const KeptLog& log : logs)
            bytes += log.bytes;
        for (const KeptLog& log : logs) {
            if (count <= limits.count && bytes <= limits.bytes_all)
                return;
            if (!remove_log(here.get(), log.name))
                continue;
            --count;
            bytes -= log.bytes;
        }
    } catch (const std::exception& error) {
        spdlog::debug("cannot remove old logs in {}: {}", folder.string(), error.what());
    }
}

std::string keep_log_in(const fs::path& folder, const fs::path& log, std::string_view kind, pid_t pid,
                        const LogLimits& limits) {
    try {
        const UniqueFd source = open_file(log, O_RDONLY);
        const std::string text = shortened_log(source.get(), log, limits.bytes_each);
        make_log_folder(folder);
        // Old logs go before the new one is written: the disk may be full of them.
        remove_old_logs(folder, limits);
        auto [file, path] = new_log(folder, kind, pid);
        RemoveOnFailure unfinished(path);
        write_all(file.get(), text, path);
        close_checked(std::move(file), path);
        unfinished.commit();
        return path.string();
    } catch (const std::exception& error) {
        spdlog::debug("cannot keep {}: {}", log.string(), error.what());
        return {};
    }
}

std::string keep_log(const fs::path& log, const std::string& kind, pid_t pid) {
    return keep_log_in(k_log_folder, log, kind, pid);
}

} // namespace cedana
