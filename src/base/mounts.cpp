// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/mounts.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <deque>
#include <optional>
#include <span>
#include <system_error>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sys/mount.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

// Spaces and their like are written as "\040".
std::string unescaped(std::string_view text) {
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned code = 0;
        const std::string_view digits = text.substr(i).starts_with('\\') ? text.substr(i + 1, 3) : std::string_view();
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), code, 8);
        if (error != std::errc() || end != digits.data() + 3 || code > 0377) {
            plain += text[i];
            continue;
        }
        plain += static_cast<char>(code);
        i += 3;
    }
    return plain;
}

// Of "master:3" among the tags; 0 if it is not there.
int peer_group(std::span<const std::string> tags, std::string_view name) {
    for (const std::string& tag : tags)
        if (std::int64_t group = 0; tag.starts_with(name) && parse_number(tag.substr(name.size()), group))
            return static_cast<int>(group);
    return 0;
}

// "36 35 98:0 /root /path options [tags] - type source options"
std::optional<Mount> parse_mount(const std::string& line) {
    constexpr std::ptrdiff_t k_after_dash = 3;
    const std::vector<std::string> words = split(line, ' ');
    const auto dash = std::ranges::find(words, "-");
    std::int64_t id = 0;
    std::int64_t parent = 0;
    if (words.size() < 6 || dash - words.begin() < 6 || words.end() - dash < 2 || !parse_number(words[0], id) ||
        !parse_number(words[1], parent))
        return std::nullopt;
    const std::span<const std::string> tags(words.begin() + 6, dash);
    return Mount{.id = static_cast<int>(id),
                 .parent = static_cast<int>(parent),
                 .device = words[2],
                 .root = unescaped(words[3]),
                 .path = unescaped(words[4]),
                 .type = *(dash + 1),
                 .options = words.end() - dash > k_after_dash ? words.back() : std::string(),
                 .shared = peer_group(tags, "shared:"),
                 .master = peer_group(tags, "master:")};
}

// Goes along a path from mount to mount.
class MountWalk {
  public:
    explicit MountWalk(const std::vector<Mount>& mounts) : mounts_(mounts) {}

    // `path`: absolute, without links. What is mounted there itself; the uppermost, if there are several.
    const Mount* at(const fs::path& path) {
        here_ = root();
        fs::path place;
        const Mount* found = nullptr;
        for (const fs::path& name : path) {
            place /= name;
            found = enter(place.string());
        }
        return found;
    }

    MountedThere along(const fs::path& path) {
        if (path.empty())
            return MountedThere::nothing;
        std::deque<std::string> names;
        put_before(names, fs::absolute(path));
        fs::path place = "/";
        while (!names.empty()) {
            const std::string name = std::exchange(names.front(), {});
            names.pop_front();
            if (name.empty() || name == ".")
                continue;
            const fs::path next = name == ".." ? place.parent_path() : place / name;
            std::error_code no_link;
            // What is mounted is no link, and may not answer.
            const fs::path target = name == ".." || at(next) != nullptr ? fs::path() : fs::read_symlink(next, no_link);
            if (target.empty() || ++links_ > k_most_links) {
                place = next;
                continue;
            }
            put_before(names, target);
            if (target.is_absolute())
                place = "/";
        }
        if (const Mount* found = at(place); found != nullptr && found->type != k_automount)
            return MountedThere::something;
        return on_automount() ? MountedThere::at_first_use : MountedThere::nothing;
    }

  private:
    static constexpr int k_most_links = 40;
    static constexpr std::string_view k_automount = "autofs";

    static void put_before(std::deque<std::string>& names, const fs::path& path) {
        std::deque<std::string> first;
        for (const fs::path& name : path.relative_path())
            first.push_back(name.string());
        names.insert(names.begin(), first.begin(), first.end());
    }

    // The mount that nothing of the list lies below. Not in the list after a chroot(2) into a plain folder.
    [[nodiscard]] int root() const {
        const auto is_listed = [&](int id) {
            return std::ranges::any_of(mounts_, [&](const Mount& mount) { return mount.id == id; });
        };
        for (const Mount& mount : mounts_)
            if (mount.parent == mount.id || !is_listed(mount.parent))
                return mount.parent;
        return -1;
    }

    // To the uppermost mount there; null if there is none.
    const Mount* enter(const std::string& path) {
        const Mount* entered = nullptr;
        // No more steps than there are mounts, whatever the list says.
        for (std::size_t step = 0; step < mounts_.size(); ++step) {
            const auto on_top = std::ranges::find_if(mounts_, [&](const Mount& mount) {
                return mount.parent == here_ && mount.path == path && &mount != entered;
            });
            if (on_top == mounts_.end())
                break;
            entered = &*on_top;
            here_ = entered->id;
        }
        return entered;
    }

    [[nodiscard]] bool on_automount() const {
        return std::ranges::any_of(mounts_,
                                   [&](const Mount& mount) { return mount.id == here_ && mount.type == k_automount; });
    }

    const std::vector<Mount>& mounts_;
    int here_ = -1;
    int links_ = 0;
};

} // namespace

std::vector<Mount> parse_mounts(std::string_view content) {
    std::vector<Mount> mounts;
    for (const std::string& line : split(content, '\n'))
        if (auto mount = parse_mount(line))
            mounts.push_back(std::move(*mount));
    return mounts;
}

bool is_made_up(const Mount& mount) {
    constexpr auto k_types = std::to_array<std::string_view>(
        {"autofs", "binfmt_misc", "bpf",      "cgroup",  "cgroup2",   "configfs",   "debugfs",
         "devpts", "devtmpfs",    "efivarfs", "fusectl", "mqueue",    "nsfs",       "proc",
         "pstore", "rpc_pipefs",  "sysfs",    "tracefs", "selinuxfs", "securityfs", "hugetlbfs"});
    return std::ranges::find(k_types, mount.type) != k_types.end();
}

bool is_served(const Mount& mount) {
    constexpr std::array<std::string_view, 10> k_types = {"fuse", "nfs",    "cifs", "smb3",     "9p",
                                                          "ceph", "lustre", "afs",  "virtiofs", "glusterfs"};
    return std::ranges::any_of(k_types, [&](std::string_view one) { return mount.type.starts_with(one); });
}

MountedThere mounted_at(const fs::path& path, const std::vector<Mount>& mounts) {
    return MountWalk(mounts).along(path);
}

bool is_mounted(const fs::path& folder) {
    const auto read_again = [&] { return mounted_at(folder, parse_mounts(read_file("/proc/self/mountinfo"))); };
    MountedThere there = read_again();
    if (there == MountedThere::at_first_use) {
        // autofs(5): to open a folder is a use of it, to look at it with stat(2) is none.
        const UniqueFd used(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC));
        there = read_again();
    }
    return there == MountedThere::something;
}

std::vector<std::string> mounted_below(const fs::path& folder, const std::vector<Mount>& mounts) {
    std::vector<std::string> places;
    for (auto mount = mounts.rbegin(); mount != mounts.rend(); ++mount)
        if (lies_below(mount->path, folder.native()))
            places.push_back(mount->path);
    return places;
}

void detach_mounts_below(const fs::path& folder) {
    const std::vector<Mount> mounts = parse_mounts(read_file("/proc/self/mountinfo"));
    for (const std::string& place : mounted_below(folder, mounts))
        // Gone with one that it was mounted on.
        if (::umount2(place.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) != 0 && errno != EINVAL && errno != ENOENT)
            throw OsFailure(Fault::storage).error("cannot unmount {}", place);
    if (const auto left = mounted_below(folder, parse_mounts(read_file("/proc/self/mountinfo"))); !left.empty())
        throw Error(Fault::storage, fmt::format("{} is still mounted", left.front()));
}

} // namespace cedana
