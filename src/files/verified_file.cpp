// SPDX-License-Identifier: Apache-2.0
#include "cedana/files/verified_file.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/rename.hpp"
#include "cedana/base/text.hpp"
#include "cedana/files/checkpoint_file.hpp"
#include "cedana/files/partial_file.hpp"

#include <cerrno>
#include <cstdio>
#include <optional>
#include <utility>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

std::optional<FileId> id_of(int file) {
    struct ::stat info {};
    return ::fstat(file, &info) == 0 ? std::optional(file_id(info)) : std::nullopt;
}

std::optional<FileId> id_of_target(int folder, const std::string& name) {
    struct ::stat info {};
    return ::fstatat(folder, name.c_str(), &info, 0) == 0 ? std::optional(file_id(info)) : std::nullopt;
}

bool is_unsupported(int err) { return err == EINVAL || err == ENOSYS; }

fs::path parent_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

} // namespace

VerifiedFile::VerifiedFile(fs::path path, int file)
    : path_(std::move(path)), name_(path_.filename().string()),
      folder_(open_file(parent_of(path_), O_RDONLY | O_DIRECTORY)) {
    const auto id = file_id_at(folder_.get(), name_);
    if (!id || !id_of(file) || id_of_target(folder_.get(), name_) != id_of(file))
        throw Error(Fault::storage, fmt::format("{} was replaced while it was read", printable(path_.string())))
            .hint("try again");
    id_ = *id;
}

fs::path VerifiedFile::beside(const std::string& name) const {
    return fs::path(fmt::format("/proc/self/fd/{}", folder_.get())) / name;
}

bool VerifiedFile::remove(const std::function<void()>& before_rename) {
    if (!has_its_name())
        return false;
    if (before_rename)
        before_rename();
    const std::string private_name = partial_name(fs::path(name_).stem().string());
    int err = rename_at(folder_.get(), name_, folder_.get(), private_name, RENAME_NOREPLACE);
    // The name is this process's alone: what is there is looked for only to find what an earlier one has left.
    if (is_unsupported(err))
        err = file_id_at(folder_.get(), private_name) ? EEXIST
                                                      : rename_at(folder_.get(), name_, folder_.get(), private_name, 0);
    if (err == ENOENT)
        return false;
    if (err == 0 && file_id_at(folder_.get(), private_name) != id_) {
        give_back(private_name);
        return false;
    }
    if (err == 0 && ::unlinkat(folder_.get(), private_name.c_str(), 0) != 0) {
        err = errno;
        give_back(private_name);
    }
    if (err != 0)
        throw os_error(err, fmt::format("cannot remove {}", printable(path_.string())), Fault::storage);
    return true;
}

void VerifiedFile::give_back(const std::string& private_name) const {
    int err = try_rename_new(beside(private_name), beside(name_));
    const std::string stem = fs::path(name_).stem().string();
    for (int number = 2; err == EEXIST; ++number)
        err = try_rename_new(beside(private_name), beside(numbered_name(stem, number)));
    if (err != 0)
        spdlog::warn("{} has the name {} now: {}", printable(path_.string()), private_name, errno_text(err));
}

bool VerifiedFile::replace_by(const std::string& name, int file, const std::function<void()>& before_rename) {
    const auto id = id_of(file);
    const auto is_there = [&] { return id && file_id_at(folder_.get(), name) == id; };
    if (!has_its_name() || !is_there())
        return false;
    if (before_rename)
        before_rename();
    int err = rename_at(folder_.get(), name, folder_.get(), name_, RENAME_EXCHANGE);
    if (is_unsupported(err)) {
        err = rename_at(folder_.get(), name, folder_.get(), name_, 0);
    } else if (err == ENOENT) {
        return false;
    } else if (err == 0 && (file_id_at(folder_.get(), name) != id_ || file_id_at(folder_.get(), name_) != id)) {
        if (const int back = rename_at(folder_.get(), name, folder_.get(), name_, RENAME_EXCHANGE); back != 0)
            spdlog::warn("{} has the name {} now: {}", printable(path_.string()), name, errno_text(back));
        return false;
    } else if (err == 0 && ::unlinkat(folder_.get(), name.c_str(), 0) != 0 && errno != ENOENT) {
        spdlog::warn("cannot remove {}, which was replaced: {}", printable(beside(name).string()), errno_text(errno));
    }
    if (err != 0)
        throw os_error(err,
                       fmt::format("cannot rename {} to {}", printable((path_.parent_path() / name).string()),
                                   printable(path_.string())),
                       Fault::storage);
    return true;
}

} // namespace cedana
