// SPDX-License-Identifier: Apache-2.0
#include "cedana/undo/tree_lock.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/file_id.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/process_mark.hpp"
#include "cedana/base/text.hpp"
#include "cedana/model/container.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

constexpr auto k_patience = std::chrono::milliseconds(200);
constexpr auto k_pause = std::chrono::milliseconds(2);

void make_folder(const fs::path& folder) {
    std::error_code error;
    const bool made = fs::create_directories(folder, error);
    if (error)
        throw os_error(error.value(), fmt::format("cannot make the folder {}", folder.string()));
    if (made)
        ::chmod(folder.c_str(), 0700);
}

// False if somebody else has it. `how`: LOCK_EX, LOCK_SH
bool try_lock(int file, int how, const fs::path& path) {
    if (::flock(file, how | LOCK_NB) == 0)
        return true;
    const int err = errno;
    if (err != EWOULDBLOCK)
        throw os_error(err, fmt::format("cannot lock {}", path.string()));
    return false;
}

bool is_at(int file, const fs::path& path) {
    struct ::stat opened {};
    return ::fstat(file, &opened) == 0 && file_id_at(AT_FDCWD, path.string()) == file_id(opened);
}

const char* name_of(LockedFor purpose) { return purpose == LockedFor::dump ? "dump" : "restore"; }

struct Holder {
    ProcessMark cedana;
    bool restores = false;
};

// Absent in the moment between its lock and its write.
std::optional<Holder> holder_of(int file) {
    std::array<char, 64> text;
    const ssize_t length = ::pread(file, text.data(), text.size(), 0);
    const std::string_view written(text.data(), static_cast<std::size_t>(std::max<ssize_t>(length, 0)));
    const std::vector<std::string> words = split(trim(written), ' ');
    const auto cedana = words.size() == 3 ? parse_mark(words[1], words[2]) : std::nullopt;
    if (!cedana)
        return std::nullopt;
    return Holder{.cedana = *cedana, .restores = words[0] == name_of(LockedFor::restore)};
}

// "is being restored by cedana process 17"
std::string describe(const std::optional<Holder>& holder) {
    if (!holder)
        return "is in the hands of another cedana process";
    return fmt::format("is being {} by cedana process {}", holder->restores ? "restored" : "checkpointed",
                       holder->cedana.pid);
}

fs::path lock_file(const fs::path& folder, pid_t pid) { return folder / fmt::format("{}.lock", pid); }

// containerd's are in a namespace of containerd's: "other/web".
fs::path lock_file(const fs::path& folder, const LockedContainer& container) {
    std::string name = fmt::format("{}-{}.lock", container.engine, container.name);
    std::ranges::replace(name, '/', ',');
    return folder / name;
}

std::string text_of(pid_t pid) { return fmt::format("process {}", pid); }
std::string text_of(const LockedContainer& container) {
    return fmt::format("container {}", printable(short_id(container.name)));
}

using Clock = std::chrono::steady_clock;

// A cedana that removes a stale lock has it for a moment, and nothing shows when it lets go.
template <typename Name>
void pause_or_refuse(int file, const Name& name, LockedFor purpose, Clock::time_point until) {
    const std::optional<Holder> holder = holder_of(file);
    if ((holder && is_at_work(holder->cedana)) || Clock::now() >= until)
        throw Error(purpose == LockedFor::dump ? Fault::dump_failed : Fault::restore_failed,
                    fmt::format("{} {}", text_of(name), describe(holder)))
            .hint("wait until that one is done");
    std::this_thread::sleep_for(k_pause);
}

template <typename Name>
void require_all_unlocked(LockedFor purpose, const std::vector<Name>& names, const fs::path& folder) {
    const auto until = Clock::now() + k_patience;
    for (const Name& name : names) {
        const fs::path path = lock_file(folder, name);
        while (true) {
            const UniqueFd file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
            // Shared: two who only look do not meet, and who wants the lock waits longer than this takes.
            if (!file || try_lock(file.get(), LOCK_SH, path))
                break;
            pause_or_refuse(file.get(), name, purpose, until);
        }
    }
}

} // namespace

void require_unlocked(LockedFor purpose, const std::vector<pid_t>& pids, const fs::path& folder) {
    require_all_unlocked(purpose, pids, folder);
}

void require_containers_unlocked(LockedFor purpose, const std::vector<LockedContainer>& containers,
                                 const fs::path& folder) {
    require_all_unlocked(purpose, containers, folder);
}

std::size_t remove_stale_locks(const fs::path& folder) {
    std::size_t removed = 0;
    std::error_code ignored;
    for (const fs::path& path : entries_of(folder, ignored)) {
        const UniqueFd file(::open(path.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC));
        if (file && ::flock(file.get(), LOCK_EX | LOCK_NB) == 0 && is_at(file.get(), path) &&
            ::unlink(path.c_str()) == 0)
            ++removed;
    }
    return removed;
}

TreeLock::TreeLock(LockedFor purpose, fs::path folder) : purpose_(purpose), folder_(std::move(folder)) {
    make_folder(folder_);
}

template <typename Name>
void TreeLock::add_all(std::vector<Name> wanted, std::vector<Name>& had) {
    std::erase_if(wanted, [&](const Name& name) { return std::find(had.begin(), had.end(), name) != had.end(); });
    std::vector<LockFile> files;
    for (const Name& name : wanted)
        files.push_back(lock(name));
    std::move(files.begin(), files.end(), std::back_inserter(files_));
    had.insert(had.end(), wanted.begin(), wanted.end());
}

void TreeLock::add(std::vector<pid_t> pids) {
    std::sort(pids.begin(), pids.end());
    pids.erase(std::unique(pids.begin(), pids.end()), pids.end());
    add_all(std::move(pids), pids_);
}

void TreeLock::add_containers(std::vector<LockedContainer> containers) { add_all(std::move(containers), containers_); }

template <typename Name>
TreeLock::LockFile TreeLock::lock(const Name& name) const {
    const fs::path path = lock_file(folder_, name);
    const auto until = Clock::now() + k_patience;
    while (true) {
        UniqueFd file = open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
        if (!try_lock(file.get(), LOCK_EX, path)) {
            pause_or_refuse(file.get(), name, purpose_, until);
            continue;
        }
        // Between open and flock its holder may have removed it: a lock on a file without a name locks nobody out.
        if (!is_at(file.get(), path))
            continue;
        LockFile locked(path, std::move(file));
        locked.sign(purpose_);
        return locked;
    }
}

void TreeLock::LockFile::sign(LockedFor purpose) const {
    if (::ftruncate(file_.get(), 0) != 0)
        throw OsFailure().error("cannot write {}", path_.string());
    write_all(file_.get(), fmt::format("{} {}\n", name_of(purpose), to_text(own_mark(), ' ')), path_);
}

TreeLock::LockFile::~LockFile() {
    // While it is still locked: afterwards the name may be another process's lock.
    if (file_)
        ::unlink(path_.c_str());
}

} // namespace cedana
