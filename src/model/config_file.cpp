// SPDX-License-Identifier: Apache-2.0
#include "cedana/model/config_file.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/unique_fd.hpp"

#include <cerrno>
#include <cstdio>
#include <utility>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cedana {

namespace {

namespace fs = std::filesystem;

constexpr const char* k_folder = ".cedana";
constexpr const char* k_file = "cedana_config.json";

// A file as it was read, and what tells it from every other.
struct OpenedFile {
    std::string text;
    bool is_device = false;
    std::pair<dev_t, ino_t> id = {};
};

std::optional<OpenedFile> read_config(const fs::path& path) {
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
    if (::fstat(fd.get(), &info) != 0)
        throw OsFailure().error("cannot look at the config file {}", path.string());
    // Character devices: /dev/null is a common way to say "no config".
    if (!S_ISREG(info.st_mode) && !S_ISCHR(info.st_mode))
        throw Error(Fault::usage, fmt::format("the config file {} is not a file", path.string()));
    return OpenedFile{.text = read_all(fd.get(), path, k_largest_config_file),
                      .is_device = S_ISCHR(info.st_mode),
                      .id = {info.st_dev, info.st_ino}};
}

// Whoever could change the path between the reading and this look is one of those whom the look finds, or has made it
// lead to another file.
ConfigText judged(OpenedFile file, const fs::path& path, const Trusted& trusted) {
    ConfigText config{.text = std::move(file.text)};
    if (file.is_device)
        return config;
    config.exposure = look_at_path(path, trusted).exposure;
    const PathLook by_root = look_at_path(path, root_alone());
    if (!by_root.exposure && by_root.file == file.id)
        config.written_by = WrittenBy::root;
    return config;
}

std::optional<ConfigText> read_and_judge(const fs::path& path, const Trusted& trusted) {
    auto file = read_config(path);
    return file ? std::optional(judged(std::move(*file), path, trusted)) : std::nullopt;
}

// A ConfigText, or none, as the one text that a child can hand over: a line of JSON, and the content behind it.
std::string pack(const std::optional<ConfigText>& config) {
    if (!config)
        return {};
    nlohmann::json head = {{"by_root", config->written_by == WrittenBy::root}};
    if (const auto& exposure = config->exposure)
        head["exposure"] = {
            {"path", exposure->step.path.string()}, {"mode", exposure->step.mode}, {"owner", exposure->step.owner},
            {"group", exposure->step.group},        {"how", exposure->how},        {"remedy", exposure->remedy}};
    return head.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace) + "\n" + config->text;
}

std::optional<ConfigText> unpack(const std::string& packed) {
    if (packed.empty())
        return std::nullopt;
    const std::size_t end = packed.find('\n');
    const auto head = nlohmann::json::parse(packed.substr(0, end));
    ConfigText config{.text = packed.substr(end + 1),
                      .written_by = head.at("by_root").get<bool>() ? WrittenBy::root : WrittenBy::anyone};
    if (const auto found = head.find("exposure"); found != head.end())
        config.exposure = Exposure{.step = {.path = found->at("path").get<std::string>(),
                                            .mode = found->at("mode").get<mode_t>(),
                                            .owner = found->at("owner").get<uid_t>(),
                                            .group = found->at("group").get<gid_t>()},
                                   .how = found->at("how").get<std::string>(),
                                   .remedy = found->at("remedy").get<std::string>()};
    return config;
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
    if (::mkdirat(home_fd.get(), k_folder, 0700) != 0 && errno != EEXIST)
        throw OsFailure(Fault::storage).error("cannot make the folder {}", (home / k_folder).string());
    UniqueFd folder(::openat(home_fd.get(), k_folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!folder)
        throw OsFailure(Fault::usage)
            .error("cannot open the folder {}, links are not followed", (home / k_folder).string());
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
    if (!file)
        throw OsFailure(Fault::storage).error("cannot create {}", (path.parent_path() / temporary).string());
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

std::optional<ConfigText> read_config_file(const fs::path& path) { return read_and_judge(path, root_alone()); }

// The look as well: root itself may not get to a file server's or a user's own FUSE mount.
std::optional<ConfigText> read_config_file_as(const Caller& caller, const fs::path& path) {
    return unpack(with_rights_of(caller, [&] { return pack(read_and_judge(path, root_and(caller))); }));
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
