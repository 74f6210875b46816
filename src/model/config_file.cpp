// SPDX-License-Identifier: Apache-2.0
#include "cedana/model/config_file.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/unique_fd.hpp"

#include <cerrno>
#include <cstdio>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

namespace cedana {

namespace {

namespace fs = std::filesystem;

constexpr const char* k_folder = ".cedana";
constexpr const char* k_file = "cedana_config.json";

// Who chose the path. A user could name a file that seems to be root's and holds what the user wants: in a FUSE
// mount, or /proc/PID/cmdline of a set-user-id program.
enum class ChosenBy { root, user };

bool owner_is_a_fact(int fd) {
    struct statfs info {};
    if (::fstatfs(fd, &info) != 0)
        return false;
    return info.f_type != PROC_SUPER_MAGIC && info.f_type != FUSE_SUPER_MAGIC && info.f_type != SYSFS_MAGIC;
}

WrittenBy writer_of(int fd, const struct stat& info, ChosenBy chosen_by) {
    const bool root_alone = info.st_uid == 0 && (info.st_mode & (S_IWGRP | S_IWOTH)) == 0;
    return root_alone && (chosen_by == ChosenBy::root || owner_is_a_fact(fd)) ? WrittenBy::root : WrittenBy::anyone;
}

std::optional<ConfigText> read_config(const fs::path& path, ChosenBy chosen_by) {
    // O_NONBLOCK: a FIFO must not make cedana wait for its writer.
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!fd) {
        const int err = errno;
        if (err == ENOENT || err == ENOTDIR)
            return std::nullopt;
        throw os_error(err, fmt::format("cannot open the config file {}", path.string()), Fault::usage)
            .hint(err == EACCES ? "it is read with the rights of the user who runs cedana, even through sudo" : "");
    }
    struct stat info {};
    if (::fstat(fd.get(), &info) != 0) {
        const int err = errno;
        throw os_error(err, fmt::format("cannot look at the config file {}", path.string()));
    }
    // Character devices: /dev/null is a common way to say "no config".
    if (!S_ISREG(info.st_mode) && !S_ISCHR(info.st_mode))
        throw Error(Fault::usage, fmt::format("the config file {} is not a file", path.string()));
    return ConfigText{.text = read_all(fd.get(), path, k_largest_config_file),
                      .written_by = writer_of(fd.get(), info, chosen_by)};
}

// A ConfigText, or none, as the one text that a child can hand over: a mark and the content.
constexpr char k_absent = '-';
constexpr char k_by_root = 'r';
constexpr char k_by_anyone = 'a';

std::string pack(const std::optional<ConfigText>& config) {
    if (!config)
        return std::string(1, k_absent);
    return (config->written_by == WrittenBy::root ? k_by_root : k_by_anyone) + config->text;
}

std::optional<ConfigText> unpack(const std::string& packed) {
    if (packed.at(0) == k_absent)
        return std::nullopt;
    return ConfigText{.text = packed.substr(1),
                      .written_by = packed[0] == k_by_root ? WrittenBy::root : WrittenBy::anyone};
}

// Removes a name in a folder at the end of the scope, unless committed.
class RemoveAt {
  public:
    RemoveAt(int folder, std::string name) : folder_(folder), name_(std::move(name)) {}
    RemoveAt(const RemoveAt&) = delete;
    RemoveAt& operator=(const RemoveAt&) = delete;
    ~RemoveAt() {
        if (!name_.empty())
            ::unlinkat(folder_, name_.c_str(), 0);
    }
    void commit() noexcept { name_.clear(); }

  private:
    int folder_;
    std::string name_;
};

UniqueFd open_or_make_folder(const fs::path& home) {
    const UniqueFd home_fd = open_file(home, O_RDONLY | O_DIRECTORY);
    if (::mkdirat(home_fd.get(), k_folder, 0700) != 0 && errno != EEXIST) {
        const int err = errno;
        throw os_error(err, fmt::format("cannot make the folder {}", (home / k_folder).string()), Fault::storage);
    }
    UniqueFd folder(::openat(home_fd.get(), k_folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!folder) {
        const int err = errno;
        throw os_error(err,
                       fmt::format("cannot open the folder {}, links are not followed", (home / k_folder).string()),
                       Fault::usage);
    }
    return folder;
}

// As rename_new() of base, inside one open folder.
bool publish(int folder, const std::string& temporary, const fs::path& path) {
    if (::renameat2(folder, temporary.c_str(), folder, k_file, RENAME_NOREPLACE) == 0)
        return true;
    int err = errno;
    if (err == EINVAL || err == ENOSYS) {
        if (::linkat(folder, temporary.c_str(), folder, k_file, 0) == 0) {
            ::unlinkat(folder, temporary.c_str(), 0);
            return true;
        }
        err = errno;
    }
    if (err == EEXIST)
        return false;
    throw os_error(err, fmt::format("cannot create {}", path.string()), Fault::storage);
}

Creation create_below(const fs::path& home, std::string_view text) {
    const fs::path path = home / k_folder / k_file;
    const UniqueFd folder = open_or_make_folder(home);
    const std::string temporary = fmt::format("{}.partial.{}", k_file, ::getpid());
    UniqueFd file(
        ::openat(folder.get(), temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file) {
        const int err = errno;
        throw os_error(err, fmt::format("cannot create {}", (path.parent_path() / temporary).string()), Fault::storage);
    }
    RemoveAt leftover(folder.get(), temporary);
    write_all(file.get(), text, path);
    sync_file(file.get(), path);
    close_checked(std::move(file), path);
    if (!publish(folder.get(), temporary, path))
        return Creation::existed;
    leftover.commit();
    return Creation::created;
}

} // namespace

std::optional<ConfigText> read_config_file(const fs::path& path) { return read_config(path, ChosenBy::root); }

std::optional<ConfigText> read_config_file_as(const Caller& caller, const fs::path& path) {
    return unpack(with_rights_of(caller, [&] { return pack(read_config(path, ChosenBy::user)); }));
}

fs::path default_config_path(const Caller& caller) {
    return caller.home.empty() ? fs::path() : fs::path(caller.home) / k_folder / k_file;
}

Creation create_config_file(const Caller& caller, std::string_view text) {
    if (caller.home.empty())
        throw Error(Fault::usage, fmt::format("user {} has no home for a config file", caller.name));
    const std::string made = with_rights_of(
        caller, [&]() -> std::string { return create_below(caller.home, text) == Creation::created ? "created" : ""; });
    return made.empty() ? Creation::existed : Creation::created;
}

} // namespace cedana
