// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/kernel_wait.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/mounts.hpp"
#include "cedana/base/text.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

namespace cedana {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t k_longest_path = 4096;

std::string read_small(const fs::path& path) {
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    std::array<char, k_longest_path> buffer;
    const ssize_t count = file ? ::read(file.get(), buffer.data(), buffer.size()) : -1;
    return count > 0 ? std::string(buffer.data(), static_cast<std::size_t>(count)) : std::string();
}

// Whose first argument is a descriptor.
constexpr std::array k_of_descriptors = {SYS_read,      SYS_write,           SYS_pread64,   SYS_pwrite64,   SYS_preadv,
                                         SYS_pwritev,   SYS_preadv2,         SYS_pwritev2,  SYS_fstat,      SYS_fsync,
                                         SYS_fdatasync, SYS_lseek,           SYS_ftruncate, SYS_getdents64, SYS_ioctl,
                                         SYS_fcntl,     SYS_sync_file_range, SYS_fchmod,    SYS_fchown,     SYS_flock,
                                         SYS_fadvise64, SYS_copy_file_range, SYS_splice,    SYS_sendfile};
// Whose first is one, and whose second is a path from there.
constexpr std::array k_of_paths_at = {SYS_openat,    SYS_newfstatat, SYS_readlinkat, SYS_statx,
                                      SYS_faccessat, SYS_unlinkat,   SYS_utimensat,  SYS_renameat2};
#ifdef SYS_open
constexpr std::array k_of_paths = {SYS_open, SYS_stat, SYS_lstat, SYS_readlink, SYS_access, SYS_unlink, SYS_rename};
#else
constexpr std::array k_of_paths = {SYS_chdir};
#endif

// Of a thread: its descriptors may be its own (unshare(2), CLONE_FILES).
std::string link_of(pid_t thread, std::uint64_t fd) {
    std::error_code ignored;
    return fs::read_symlink(fmt::format("/proc/{0}/task/{0}/fd/{1}", thread, static_cast<int>(fd)), ignored).string();
}

std::string path_at(pid_t process, std::uint64_t address) {
    std::array<char, k_longest_path> buffer{};
    // A page at a time: what follows may not be mapped.
    const std::size_t part = k_longest_path - address % k_longest_path;
    const iovec here{.iov_base = buffer.data(), .iov_len = part};
    const iovec there{.iov_base = std::bit_cast<void*>(address), .iov_len = part};
    const ssize_t count = ::process_vm_readv(process, &here, 1, &there, 1, 0);
    const std::string_view text(buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    return std::string(text.substr(0, text.find('\0')));
}

std::optional<std::uint64_t> hexadecimal(std::string_view word) {
    if (!word.starts_with("0x"))
        return std::nullopt;
    std::uint64_t number = 0;
    for (const char c : word.substr(2)) {
        const auto digit = std::string_view("0123456789abcdef").find(c);
        if (digit == std::string_view::npos)
            return std::nullopt;
        number = number * 16 + digit;
    }
    return number;
}

// `line`: of /proc/PID/task/TID/syscall, "0 0x3 0x7ffd … ".
std::string file_of_call(pid_t process, pid_t thread, const std::string& line) {
    const std::vector<std::string> words = split(trim(line), ' ');
    std::int64_t call = 0;
    if (words.size() < 3 || !parse_number(words[0], call))
        return {};
    const auto first = hexadecimal(words[1]);
    const auto second = hexadecimal(words[2]);
    if (!first || !second)
        return {};
    if (std::ranges::count(k_of_descriptors, call) != 0)
        return link_of(thread, *first);
    if (std::ranges::count(k_of_paths, call) != 0)
        return path_at(process, *first);
    if (std::ranges::count(k_of_paths_at, call) == 0)
        return {};
    const std::string path = path_at(process, *second);
    if (path.empty() || path.starts_with('/') || static_cast<int>(*first) == AT_FDCWD)
        return path.empty() ? link_of(thread, *first) : path;
    return link_of(thread, *first) + "/" + path;
}

// Behind the name of the program, which may hold anything.
char state_in(const std::string& stat) {
    const std::size_t end = stat.rfind(") ");
    return end == std::string::npos || end + 2 >= stat.size() ? '\0' : stat[end + 2];
}

} // namespace

std::string KernelWait::text() const {
    std::string text = "waits in " + (channel.empty() ? std::string("the kernel") : channel);
    return file.empty() ? text : text + " for " + printable(file);
}

KernelWait kernel_wait(pid_t process, pid_t thread) {
    const fs::path folder = fmt::format("/proc/{}/task/{}", process, thread);
    const std::string channel = read_small(folder / "wchan");
    const std::string status = read_small(folder / "status");
    // The last two lines, of those that it wanted and those that it did not.
    const std::size_t switches = status.find("voluntary_ctxt_switches");
    return {.state = state_in(read_small(folder / "stat")),
            .switches = switches == std::string::npos ? std::string() : status.substr(switches),
            .channel = channel == "0" ? std::string() : channel,
            .file = file_of_call(process, thread, read_small(folder / "syscall"))};
}

std::string finished_work(std::string_view stat) {
    // Finished reads, writes, discards and flushes, by their numbers from 0; what is in flight, and for how long,
    // changes in a device that hangs too.
    constexpr std::array<std::size_t, 4> k_finished = {0, 4, 11, 15};
    std::vector<std::string> words = split(trim(stat), ' ');
    std::erase(words, "");
    std::string work;
    for (const std::size_t at : k_finished)
        if (at < words.size())
            work += words[at] + " ";
    return work;
}

std::string disk_work(std::string_view file) {
    std::vector<Mount> mounts;
    try {
        mounts = parse_mounts(read_file("/proc/self/mountinfo"));
    } catch (const Error&) {
        return {};
    }
    std::string device;
    std::size_t longest = 0;
    // By text: a look at the path itself would wait for whoever hangs. Of those at one place the last is seen.
    for (const Mount& mount : mounts) {
        const bool is_above = mount.path == "/" || lies_below(file, mount.path);
        if (!is_above || mount.path.size() < longest)
            continue;
        longest = mount.path.size();
        device = mount.device;
    }
    return device.empty() ? std::string() : finished_work(read_small(fs::path("/sys/dev/block") / device / "stat"));
}

std::vector<pid_t> threads_of(pid_t process) {
    std::vector<pid_t> threads;
    std::error_code ignored;
    for (const fs::path& task : entries_of(fmt::format("/proc/{}/task", process), ignored))
        if (std::int64_t thread = 0; parse_number(task.filename().string(), thread))
            threads.push_back(static_cast<pid_t>(thread));
    return threads;
}

std::string hung_threads(pid_t process) {
    std::string text;
    for (const pid_t thread : threads_of(process)) {
        const KernelWait wait = kernel_wait(process, thread);
        const std::string name = read_small(fmt::format("/proc/{}/task/{}/comm", process, thread));
        if (wait.is_for_storage())
            text += fmt::format("{}process {} ({}) {}", text.empty() ? "" : "; ", thread, printable(trim(name)),
                                wait.text());
    }
    return text;
}

} // namespace cedana
