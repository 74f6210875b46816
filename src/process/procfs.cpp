// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/procfs.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/memory.hpp"
#include "cedana/base/open_folder.hpp"
#include "cedana/base/text.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <limits.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace cedana {

namespace {

constexpr const char* k_proc = "/proc";

// From linux/sched.h, which user space does not get.
constexpr unsigned k_kernel_thread_flag = 0x00200000;

// "PID/NAME" without an allocation: a search reads it for every process of the host.
class RelativePath {
  public:
    RelativePath(pid_t pid, const char* name) {
        // Room for any pid; the bound also shows the compiler that the slash fits behind it.
        constexpr std::size_t k_pid_digits = 16;
        char* end = std::to_chars(text_.data(), text_.data() + k_pid_digits, pid).ptr;
        *end++ = '/';
        const auto room = static_cast<std::size_t>(text_.data() + text_.size() - 1 - end);
        *std::copy_n(name, std::min(std::strlen(name), room), end) = '\0';
    }
    [[nodiscard]] const char* get() const noexcept { return text_.data(); }

  private:
    std::array<char, 128> text_;
};

std::vector<std::string> list(UniqueFd fd) {
    std::vector<std::string> result;
    const OpenFolder folder(::fdopendir(fd.get()));
    if (!folder)
        return result;
    static_cast<void>(fd.release());
    while (const dirent* entry = ::readdir(folder.get()))
        if (entry->d_name[0] != '.')
            result.emplace_back(entry->d_name);
    return result;
}

template <typename Number>
bool parse(std::string_view text, Number& out, int base = 10) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, base);
    return error == std::errc() && end == text.data() + text.size();
}

std::vector<pid_t> numbers_of(const std::vector<std::string>& names) {
    std::vector<pid_t> result;
    result.reserve(names.size());
    for (const std::string& name : names)
        if (pid_t number = 0; parse(name, number))
            result.push_back(number);
    std::sort(result.begin(), result.end());
    return result;
}

// Takes the next word off `text`; empty at its end.
std::string_view next_word(std::string_view& text) {
    constexpr std::string_view k_space = " \t\n";
    text.remove_prefix(std::min(text.find_first_not_of(k_space), text.size()));
    const std::string_view word = text.substr(0, text.find_first_of(k_space));
    text.remove_prefix(word.size());
    return word;
}

Credentials parse_credentials(std::string_view text) {
    Credentials ids;
    for (unsigned* id : {&ids.real, &ids.effective, &ids.saved, &ids.file_system})
        parse(next_word(text), *id);
    return ids;
}

std::vector<pid_t> parse_pids(std::string_view text) {
    std::vector<pid_t> pids;
    for (std::string_view word = next_word(text); !word.empty(); word = next_word(text))
        if (pid_t pid = 0; parse(word, pid))
            pids.push_back(pid);
    return pids;
}

std::vector<std::string> split_arguments(std::string_view content) {
    std::vector<std::string> arguments;
    // A program that rewrites its title leaves any number of zero bytes behind it.
    content = content.substr(0, content.find_last_not_of('\0') + 1);
    while (!content.empty()) {
        const std::string_view argument = content.substr(0, content.find('\0'));
        arguments.emplace_back(argument);
        content.remove_prefix(std::min(argument.size() + 1, content.size()));
    }
    return arguments;
}

// "   1234 kB"
std::uint64_t parse_kibibytes(std::string_view value) {
    std::uint64_t count = 0;
    return parse(next_word(value), count) ? count * 1024 : 0;
}

void take_memory_line(ProcessMemory& memory, std::string_view key, std::string_view value) {
    if (key == "RssAnon")
        memory.anonymous = parse_kibibytes(value);
    else if (key == "RssFile")
        memory.file_backed = parse_kibibytes(value);
    else if (key == "RssShmem")
        memory.shared = parse_kibibytes(value);
    else if (key == "VmSwap")
        memory.swapped = parse_kibibytes(value);
}

void take_status_line(ProcessStatus& status, std::string_view key, std::string_view value) {
    std::string_view rest = value;
    if (key == "Uid")
        status.uid = parse_credentials(value);
    else if (key == "Gid")
        status.gid = parse_credentials(value);
    else if (key == "Tgid")
        parse(next_word(rest), status.thread_group);
    else if (key == "TracerPid")
        parse(next_word(rest), status.tracer);
    else if (key == "NSpid")
        status.namespace_pids = parse_pids(value);
    else if (key == "NSsid")
        status.namespace_sessions = parse_pids(value);
    else if (std::uint64_t pending = 0; key == "SigPnd" || key == "ShdPnd")
        status.pending_signals |= parse(next_word(rest), pending, 16) ? pending : 0;
    else if (key == "SigBlk")
        parse(next_word(rest), status.blocked_signals, 16);
    else if (key == "SigIgn")
        parse(next_word(rest), status.ignored_signals, 16);
    else if (key == "SigCgt")
        parse(next_word(rest), status.caught_signals, 16);
    else if (key == "CapEff")
        parse(next_word(rest), status.effective_capabilities, 16);
    else if (key == "Seccomp")
        parse(next_word(rest), status.seccomp_mode);
}

bool has_bit(std::uint64_t mask, int bit) { return bit >= 0 && bit < 64 && ((mask >> bit) & 1U) != 0; }

} // namespace

std::string_view without_deleted(std::string_view target) {
    return target.ends_with(k_deleted) ? target.substr(0, target.size() - k_deleted.size()) : target;
}

std::string described(const ProcessStat& stat) {
    return fmt::format("process {} ({})", stat.pid, printable(stat.comm));
}

bool ProcessStat::is_kernel_thread() const noexcept { return (flags & k_kernel_thread_flag) != 0; }

bool ProcessStatus::catches(int signal) const noexcept { return has_bit(caught_signals, signal - 1); }
bool ProcessStatus::ignores(int signal) const noexcept { return has_bit(ignored_signals, signal - 1); }
bool ProcessStatus::has_capability(int capability) const noexcept {
    return has_bit(effective_capabilities, capability);
}

std::optional<ProcessStat> parse_stat(std::string_view content) {
    // comm may hold ") ": it ends at the last parenthesis, since only numbers follow it.
    const std::size_t open = content.find(" (");
    const std::size_t close = content.rfind(')');
    if (open == std::string_view::npos || close == std::string_view::npos || close < open + 2)
        return std::nullopt;
    ProcessStat stat;
    if (!parse(content.substr(0, open), stat.pid))
        return std::nullopt;
    stat.comm = content.substr(open + 2, close - open - 2);

    // Fields 3 to 52 of proc(5).
    std::array<std::string_view, 50> fields;
    std::string_view rest = content.substr(close + 1);
    for (std::string_view& field : fields)
        field = next_word(rest);
    const auto field = [&](std::size_t number) { return fields[number - 3]; };
    std::int64_t terminal = 0;
    std::int64_t pages = 0;
    const bool valid = field(3).size() == 1 && parse(field(4), stat.parent) && parse(field(5), stat.process_group) &&
                       parse(field(6), stat.session) && parse(field(7), terminal) &&
                       parse(field(8), stat.foreground_group) && parse(field(9), stat.flags) &&
                       parse(field(20), stat.threads) && parse(field(22), stat.start_time) && parse(field(24), pages);
    if (!valid)
        return std::nullopt;
    stat.state = field(3)[0];
    stat.terminal = static_cast<dev_t>(terminal);
    // Absent before Linux 2.1.22.
    if (int signal = 0; parse(field(38), signal))
        stat.end_signal = signal;
    // Absent before Linux 3.5, and 0 for who may not trace it.
    if (int status = 0; parse(field(52), status))
        stat.exit_status = status;
    stat.resident_bytes = static_cast<std::uint64_t>(std::max<std::int64_t>(pages, 0)) * page_size();
    return stat;
}

std::optional<ProcessStatus> parse_status(std::string_view content) {
    ProcessStatus status;
    bool seen = false;
    while (!content.empty()) {
        const std::string_view line = content.substr(0, content.find('\n'));
        content.remove_prefix(std::min(line.size() + 1, content.size()));
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos)
            continue;
        seen = seen || line.substr(0, colon) == "Uid";
        take_status_line(status, line.substr(0, colon), line.substr(colon + 1));
        take_memory_line(status.memory, line.substr(0, colon), line.substr(colon + 1));
    }
    return seen ? std::optional(status) : std::nullopt;
}

Procfs::Procfs(std::filesystem::path root) : root_(std::move(root)), folder_(open_file(root_, O_PATH | O_DIRECTORY)) {}

std::vector<pid_t> Procfs::pids() const {
    UniqueFd fd(::openat(folder_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return fd ? numbers_of(list(std::move(fd))) : std::vector<pid_t>{};
}

namespace {

std::optional<std::string> content_of(const UniqueFd& fd) {
    if (!fd)
        return std::nullopt;
    std::string content;
    std::array<char, 8192> buffer;
    while (true) {
        const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return std::nullopt;
        content.append(buffer.data(), static_cast<std::size_t>(count));
        if (count == 0)
            return content;
    }
}

} // namespace

std::optional<std::string> Procfs::read(pid_t pid, const char* name) const { return content_of(open(pid, name)); }

std::optional<std::string> Procfs::read(const char* name) const {
    return content_of(UniqueFd(::openat(folder_.get(), name, O_RDONLY | O_CLOEXEC)));
}

std::optional<std::string_view> Procfs::read_record(pid_t pid, const char* name, std::span<char> buffer) const {
    const UniqueFd fd(::openat(folder_.get(), RelativePath(pid, name).get(), O_RDONLY | O_CLOEXEC));
    const ssize_t count = fd ? ::read(fd.get(), buffer.data(), buffer.size()) : -1;
    if (count < 0)
        return std::nullopt;
    return std::string_view(buffer.data(), static_cast<std::size_t>(count));
}

std::optional<ProcessStat> Procfs::stat(pid_t pid) const {
    // Longer than 52 numbers and a comm can be.
    std::array<char, 2048> buffer;
    const auto content = read_record(pid, "stat", buffer);
    return content ? parse_stat(*content) : std::nullopt;
}

std::optional<ProcessStatus> Procfs::status(pid_t pid) const {
    const auto content = read(pid, "status");
    return content ? parse_status(*content) : std::nullopt;
}

std::vector<std::string> Procfs::command_line(pid_t pid) const {
    std::array<char, 4096> buffer;
    const auto content = read_record(pid, "cmdline", buffer);
    if (!content)
        return {};
    return content->size() < buffer.size() ? split_arguments(*content)
                                           : split_arguments(read(pid, "cmdline").value_or(""));
}

std::optional<std::filesystem::path> Procfs::executable(pid_t pid) const {
    auto target = link(pid, "exe");
    if (!target)
        return std::nullopt;
    return std::string(without_deleted(*target));
}

std::vector<pid_t> Procfs::threads(pid_t pid) const { return numbers_of(names(pid, "task")); }

std::optional<std::vector<pid_t>> Procfs::children(pid_t pid) const {
    std::optional<std::vector<pid_t>> found;
    for (const pid_t thread : threads(pid)) {
        const auto content = read(pid, fmt::format("task/{}/children", thread).c_str());
        if (!content)
            continue;
        if (!found)
            found.emplace();
        const std::vector<pid_t> more = parse_pids(*content);
        found->insert(found->end(), more.begin(), more.end());
    }
    if (found)
        std::sort(found->begin(), found->end());
    return found;
}

// F_SETOWN takes whatever number the kernel has given out, as what ever (fs/fcntl.c, f_setown(); ESRCH since
// Linux 4.14).
bool Procfs::may_use(std::span<const pid_t> numbers) const {
    const UniqueFd any(root_ == k_proc ? ::eventfd(0, EFD_CLOEXEC) : -1);
    if (!any)
        return true;
    return std::ranges::any_of(
        numbers, [&](pid_t number) { return ::fcntl(any.get(), F_SETOWN, number) == 0 || errno != ESRCH; });
}

std::vector<pid_t> Procfs::ancestors(pid_t pid) const {
    std::vector<pid_t> result;
    for (auto process = stat(pid); process && process->parent > 0; process = stat(process->parent)) {
        // A pid that is reused while its chain is read could close a circle.
        if (std::find(result.begin(), result.end(), process->parent) != result.end())
            break;
        result.push_back(process->parent);
    }
    return result;
}

std::optional<std::string> Procfs::link(pid_t pid, const char* name) const {
    std::array<char, PATH_MAX> buffer;
    const ssize_t length = ::readlinkat(folder_.get(), RelativePath(pid, name).get(), buffer.data(), buffer.size());
    if (length < 0)
        return std::nullopt;
    return std::string(buffer.data(), static_cast<std::size_t>(length));
}

bool Procfs::is_link_too_long(pid_t pid, const char* name) const {
    char byte = 0;
    return ::readlinkat(folder_.get(), RelativePath(pid, name).get(), &byte, 1) < 0 && errno == ENAMETOOLONG;
}

std::optional<struct ::stat> Procfs::file(pid_t pid, const char* name) const {
    struct ::stat info {};
    if (::fstatat(folder_.get(), RelativePath(pid, name).get(), &info, 0) != 0)
        return std::nullopt;
    return info;
}

std::optional<int> Procfs::mount_of(pid_t pid, const char* name) const {
    // STATX_MNT_ID, which the C library's headers may lack.
    constexpr unsigned k_mount = 0x1000;
    struct ::statx seen {};
    if (::statx(folder_.get(), RelativePath(pid, name).get(), AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, k_mount, &seen) !=
            0 ||
        (seen.stx_mask & k_mount) == 0)
        return std::nullopt;
    return static_cast<int>(seen.stx_mnt_id);
}

std::optional<struct ::stat> Procfs::link_itself(pid_t pid, const char* name) const {
    struct ::stat info {};
    if (::fstatat(folder_.get(), RelativePath(pid, name).get(), &info, AT_SYMLINK_NOFOLLOW) != 0)
        return std::nullopt;
    return info;
}

UniqueFd Procfs::open(pid_t pid, const char* name) const {
    return UniqueFd(::openat(folder_.get(), RelativePath(pid, name).get(), O_RDONLY | O_CLOEXEC));
}

std::vector<std::string> Procfs::names(pid_t pid, const char* name) const {
    UniqueFd fd(::openat(folder_.get(), RelativePath(pid, name).get(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return fd ? list(std::move(fd)) : std::vector<std::string>{};
}

} // namespace cedana
