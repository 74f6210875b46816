// SPDX-License-Identifier: Apache-2.0
#include "cedana/host/store_check.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/mounts.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/units.hpp"
#include "cedana/files/checkpoint_file.hpp"
#include "cedana/files/private_copy.hpp"

#include <chrono>
#include <cstddef>
#include <random>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include <linux/magic.h>
#include <sys/statfs.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t k_trial = 16 * k_mib;
// Less holds the checkpoint of hardly any program.
constexpr std::uint64_t k_little_room = 512 * k_mib;

// Nothing that a file system could compress away.
std::vector<std::byte> noise(std::size_t size) {
    std::vector<std::byte> bytes(size);
    std::minstd_rand random;
    for (std::byte& byte : bytes)
        byte = static_cast<std::byte>(random() >> 8);
    return bytes;
}

bool is_in_memory(const fs::path& folder) {
    struct ::statfs info {};
    return ::statfs(folder.c_str(), &info) == 0 && (info.f_type == TMPFS_MAGIC || info.f_type == RAMFS_MAGIC);
}

Requirement doubtful(const StoreQuestion& question, std::string found) {
    return {.name = question.name, .standing = Standing::doubtful, .found = std::move(found)};
}

} // namespace

std::optional<double> write_speed(const fs::path& folder) {
    const std::vector<std::byte> content = noise(k_trial);
    try {
        const UniqueFd file = nameless_file(folder);
        if (!file)
            return std::nullopt;
        const auto begin = std::chrono::steady_clock::now();
        write_all(file.get(), content, folder);
        sync_file(file.get(), folder);
        const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
        return static_cast<double>(content.size()) / std::max(taken.count(), 1e-6);
    } catch (const Error&) {
        return std::nullopt;
    }
}

Requirement check_store(const StoreQuestion& question) {
    const fs::path& folder = question.folder;
    try {
        require_folder(folder, "the folder");
        const std::uint64_t free = free_space(folder);
        std::string found = fmt::format("{}: writable, {} free", printable(folder.string()), human_bytes(free));
        if (const auto speed = write_speed(folder))
            found += fmt::format(", {}/s", human_bytes(static_cast<std::uint64_t>(*speed)));
        if (question.is_mount_point && !is_mounted(folder)) {
            Requirement finding = doubtful(question, found + "; nothing is mounted there, so it is the disk below");
            finding.needed = "the shared file system";
            finding.remedy = fmt::format("mount {}", shell_word(folder.string()));
            finding.permanent = "a line in /etc/fstab, or a systemd mount unit";
            return finding;
        }
        if (is_in_memory(folder)) {
            Requirement finding = doubtful(question, found + "; it lies in memory, and is empty after a boot");
            finding.needed = "a disk, if checkpoints are to outlast the host";
            finding.remedy = fmt::format("cedana config path names the file in which {} is set", question.setting);
            return finding;
        }
        if (free < k_little_room) {
            Requirement finding = doubtful(question, found);
            finding.needed = "room for the memory of what is dumped";
            finding.remedy = "make room (cedana client prune removes old checkpoints), or choose another folder";
            return finding;
        }
        return met(question.name, found);
    } catch (const Error& error) {
        return {.name = question.name,
                .standing = Standing::bad,
                .found = error.message(),
                .needed = "a folder that root can write to",
                .remedy =
                    error.hint().empty() ? fmt::format("choose another folder as {}", question.setting) : error.hint()};
    }
}

} // namespace cedana
