// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/unit_folders.hpp"

#include "cedana/base/files.hpp"
#include "cedana/base/unique_fd.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include <climits>
#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t k_most_unit_entries = 10'000;
constexpr int k_deepest = 64;

std::optional<std::string> target_of(int folder, const std::string& name) {
    std::array<char, PATH_MAX> target{};
    const ssize_t length = ::readlinkat(folder, name.c_str(), target.data(), target.size());
    if (length <= 0 || static_cast<std::size_t>(length) == target.size())
        return std::nullopt;
    return std::string(target.data(), static_cast<std::size_t>(length));
}

class FolderWalk {
  public:
    FolderWalk(pid_t main_process, std::uint64_t most_bytes)
        : root_(fmt::format("/proc/{}/root", main_process)), left_(most_bytes) {}

    void take(const UnitFolder& folder) {
        folder_ = &folder;
        const fs::path path = folder.path;
        const UniqueFd parent(::open((root_ + path.parent_path().string()).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
        struct ::stat info {};
        if (!parent || ::fstatat(parent.get(), path.filename().c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0)
            return;
        device_ = info.st_dev;
        add(parent.get(), path.filename().string(), path.parent_path().string(), info, 0);
    }
    [[nodiscard]] UnitFolderContent finish() { return std::move(content_); }

  private:
    void add(int parent, const std::string& name, const std::string& above, const struct ::stat& info, int depth) {
        const std::string path = (above == "/" ? std::string() : above) + "/" + name;
        if (info.st_dev != device_ || content_.entries.size() + content_.files.size() >= k_most_unit_entries)
            return;
        if (S_ISREG(info.st_mode))
            return add_file(path, info);
        UnitEntry entry{.path = path,
                        .is_private = folder_->is_private,
                        .mode = info.st_mode & 07777U,
                        .owner = info.st_uid,
                        .group = info.st_gid};
        if (S_ISDIR(info.st_mode)) {
            content_.entries.push_back(std::move(entry));
            enter(parent, name, path, depth);
        } else if (S_ISFIFO(info.st_mode)) {
            entry.kind = UnitEntryKind::fifo;
            content_.entries.push_back(std::move(entry));
        } else if (auto target = S_ISLNK(info.st_mode) && depth > 0 ? target_of(parent, name) : std::nullopt) {
            entry.kind = UnitEntryKind::link;
            entry.target = std::move(*target);
            content_.entries.push_back(std::move(entry));
        }
    }
    void enter(int parent, const std::string& name, const std::string& path, int depth) {
        const UniqueFd folder(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!folder || depth == k_deepest)
            return;
        std::error_code ignored;
        std::vector<fs::path> names = entries_of(fmt::format("/proc/self/fd/{}", folder.get()), ignored);
        std::ranges::sort(names);
        for (const fs::path& one : names) {
            struct ::stat info {};
            if (::fstatat(folder.get(), one.filename().c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0)
                add(folder.get(), one.filename().string(), path, info, depth + 1);
        }
    }
    void add_file(const std::string& path, const struct ::stat& info) {
        const auto size = static_cast<std::uint64_t>(info.st_size);
        if (size > left_) {
            content_.too_much.push_back(path);
            return;
        }
        left_ -= size;
        content_.files.push_back(
            {.path = path, .seen_at = is_seen_at(path, info) ? std::string() : root_ + path, .info = info, .uses = {}});
    }

    std::string root_;
    std::uint64_t left_;
    const UnitFolder* folder_ = nullptr;
    dev_t device_ = 0;
    UnitFolderContent content_;
};

} // namespace

UnitFolderContent read_unit_folders(pid_t main_process, const std::vector<UnitFolder>& folders,
                                    std::uint64_t most_bytes) {
    FolderWalk walk(main_process, most_bytes);
    for (const UnitFolder& folder : folders)
        walk.take(folder);
    return walk.finish();
}

} // namespace cedana
