// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/memory_folder.hpp"

#include "cedana/base/error.hpp"

#include <cerrno>
#include <exception>
#include <string>

#include <spdlog/spdlog.h>

#include <linux/mount.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace cedana {

namespace {

// Linux 6.4 (mm/shmem.c).
constexpr const char* k_no_swap = "noswap";

// The C library has these calls since its version 2.36.
UniqueFd open_file_system(const char* type) {
    return UniqueFd(static_cast<int>(::syscall(SYS_fsopen, type, FSOPEN_CLOEXEC)));
}

bool configure(const UniqueFd& context, unsigned command, const char* key = nullptr, const char* value = nullptr) {
    return ::syscall(SYS_fsconfig, context.get(), command, key, value, 0) == 0;
}

bool set(const UniqueFd& context, const char* key, const std::string& value) {
    return configure(context, FSCONFIG_SET_STRING, key, value.c_str());
}

// Whoever is started by this process has no other hard limit.
bool may_be_filled(std::uint64_t most_bytes) {
    rlimit limit{};
    return ::getrlimit(RLIMIT_FSIZE, &limit) == 0 && (limit.rlim_max == RLIM_INFINITY || limit.rlim_max >= most_bytes);
}

struct statvfs room_of(const UniqueFd& folder) {
    struct statvfs room {};
    if (::fstatvfs(folder.get(), &room) != 0)
        throw OsFailure(Fault::environment).error("cannot look at the room of a folder in memory");
    return room;
}

} // namespace

std::optional<MemoryFolder> MemoryFolder::make(std::uint64_t most_bytes, Swap swap) {
    if (!may_be_filled(most_bytes))
        return std::nullopt;
    const UniqueFd context = open_file_system("tmpfs");
    if (!context) {
        spdlog::debug("no folder in memory: {}", errno_text(errno));
        return std::nullopt;
    }
    const bool is_never_swapped = configure(context, FSCONFIG_SET_FLAG, k_no_swap);
    if (swap == Swap::never && !is_never_swapped)
        return std::nullopt;
    // Large pages as far as what is written fills them (Linux 6.14, mm/shmem.c: shmem_huge_global_enabled()). A kernel
    // without them refuses it, and goes on.
    static_cast<void>(set(context, "huge", "within_size"));
    if (!set(context, "size", std::to_string(most_bytes)) || !set(context, "mode", "0700") ||
        !configure(context, FSCONFIG_CMD_CREATE)) {
        spdlog::debug("no folder in memory: {}", errno_text(errno));
        return std::nullopt;
    }
    UniqueFd folder(static_cast<int>(::syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC,
                                               MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)));
    if (!folder) {
        spdlog::debug("no folder in memory: {}", errno_text(errno));
        return std::nullopt;
    }
    return MemoryFolder(std::move(folder), is_never_swapped);
}

std::uint64_t MemoryFolder::bytes() const {
    const struct statvfs room = room_of(folder_);
    return std::uint64_t{room.f_blocks - room.f_bfree} * room.f_frsize;
}

bool MemoryFolder::is_full() const {
    const struct statvfs room = room_of(folder_);
    return room.f_bavail == 0 || room.f_favail == 0;
}

// The kernel refuses a size below what is used already (shmem_reconfigure() of mm/shmem.c), which grows meanwhile.
bool MemoryFolder::shrink() const {
    // One that was refused something takes nothing more (fs/fsopen.c).
    const UniqueFd context(
        static_cast<int>(::syscall(SYS_fspick, folder_.get(), "", FSPICK_EMPTY_PATH | FSPICK_CLOEXEC)));
    const struct statvfs room = room_of(folder_);
    // None would be: as many as you like.
    const std::uint64_t pages = std::uint64_t{room.f_blocks - room.f_bfree} + 1;
    const std::uint64_t files = std::uint64_t{room.f_files - room.f_ffree} + 1;
    return context && (!is_never_swapped_ || configure(context, FSCONFIG_SET_FLAG, k_no_swap)) &&
           set(context, "nr_blocks", std::to_string(pages)) && set(context, "nr_inodes", std::to_string(files)) &&
           configure(context, FSCONFIG_CMD_RECONFIGURE);
}

void MemoryFolder::take_no_more() const noexcept {
    constexpr int k_attempts = 100;
    try {
        for (int attempt = 0; attempt < k_attempts; ++attempt)
            if (shrink())
                return;
    } catch (const std::exception& error) {
        spdlog::debug("{}", error.what());
    }
    spdlog::debug("a folder in memory takes more than it should");
}

} // namespace cedana
