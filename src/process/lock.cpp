// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/lock.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

void make_folder(const fs::path& folder) {
    std::error_code error;
    const bool made = fs::create_directories(folder, error);
    if (error)
        throw os_error(error.value(), fmt::format("cannot make the folder {}", folder.string()));
    if (made)
        ::chmod(folder.c_str(), 0700);
}

// False if somebody else has it.
bool try_lock(int file, const fs::path& path) {
    if (::flock(file, LOCK_EX | LOCK_NB) == 0)
        return true;
    const int err = errno;
    if (err != EWOULDBLOCK)
        throw os_error(err, fmt::format("cannot lock {}", path.string()));
    return false;
}

bool is_at(int file, const fs::path& path) {
    struct ::stat opened {};
    struct ::stat named {};
    return ::fstat(file, &opened) == 0 && ::lstat(path.c_str(), &named) == 0 && opened.st_dev == named.st_dev &&
           opened.st_ino == named.st_ino;
}

std::string holder(int file) {
    std::array<char, 16> text;
    const ssize_t length = ::pread(file, text.data(), text.size(), 0);
    std::int64_t pid = 0;
    const std::string_view written(text.data(), static_cast<std::size_t>(std::max<ssize_t>(length, 0)));
    // Empty in the moment between its lock and its write.
    return parse_number(trim(written), pid) ? fmt::format("cedana process {}", pid) : "another cedana process";
}

} // namespace

void remove_stale_locks(const fs::path& folder) {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(folder, ignored)) {
        const UniqueFd file(::open(entry.path().c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC));
        if (file && ::flock(file.get(), LOCK_EX | LOCK_NB) == 0 && is_at(file.get(), entry.path()))
            ::unlink(entry.path().c_str());
    }
}

TreeLock::TreeLock(std::vector<ProcessId> processes, const fs::path& folder) {
    make_folder(folder);
    std::sort(processes.begin(), processes.end());
    processes.erase(std::unique(processes.begin(), processes.end()), processes.end());
    files_.reserve(processes.size());
    for (const ProcessId& process : processes)
        files_.push_back(lock(process, folder));
}

TreeLock::LockFile TreeLock::lock(const ProcessId& process, const fs::path& folder) {
    const fs::path path = folder / fmt::format("{}.{}.lock", process.pid, process.start_time);
    while (true) {
        UniqueFd file = open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
        if (!try_lock(file.get(), path))
            throw Error(Fault::dump_failed,
                        fmt::format("process {} is being checkpointed by {}", process.pid, holder(file.get())))
                .hint("wait until that one is done");
        // Between open and flock its holder may have removed it: a lock on a file without a name locks nobody out.
        if (!is_at(file.get(), path))
            continue;
        LockFile locked(path, std::move(file));
        locked.sign();
        return locked;
    }
}

void TreeLock::LockFile::sign() const {
    if (::ftruncate(file_.get(), 0) != 0) {
        const int err = errno;
        throw os_error(err, fmt::format("cannot write {}", path_.string()));
    }
    write_all(file_.get(), fmt::format("{}\n", ::getpid()), path_);
}

TreeLock::LockFile::~LockFile() {
    // While it is still locked: afterwards the name may be another process's lock.
    if (file_)
        ::unlink(path_.c_str());
}

} // namespace cedana
