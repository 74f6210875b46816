// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/named_files.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <sys/stat.h>

namespace cedana {

namespace {

namespace fs = std::filesystem;

struct ::stat info_of(const fs::path& path) {
    struct ::stat info {};
    if (::lstat(path.c_str(), &info) != 0)
        throw OsFailure(Fault::usage).error("cannot look at {}", printable(path.string()));
    return info;
}

class NamedCollection {
  public:
    // What is on the way may be missing over there, too.
    void add(const fs::path& path) {
        fs::path normal = fs::absolute(path).lexically_normal();
        if (!normal.has_filename())
            normal = normal.parent_path();
        const fs::path whole = fs::canonical(normal.parent_path()) / normal.filename();
        if (!is_kept_by_file_system(whole.string()) || whole == "/")
            throw Error(Fault::usage,
                        fmt::format("{} cannot go with a program: it is the kernel's own, or all of a host",
                                    printable(whole.string())));
        fs::path so_far = "/";
        for (const fs::path& part : whole.parent_path().relative_path())
            add_one(so_far /= part);
        add_all(whole);
    }
    [[nodiscard]] NamedFiles take() { return std::move(found_); }

  private:
    void add_all(const fs::path& path) {
        if (!S_ISDIR(add_one(path).st_mode))
            return;
        std::vector<fs::path> inside;
        for (const fs::directory_entry& entry : fs::directory_iterator(path))
            inside.push_back(entry.path());
        std::ranges::sort(inside);
        for (const fs::path& one : inside)
            add_all(one);
    }

    struct ::stat add_one(const fs::path& path) {
        const struct ::stat info = info_of(path);
        if (!known_.insert(path.string()).second)
            return info;
        NamedPlace place{
            .path = path.string(), .mode = info.st_mode & 07777, .owner = info.st_uid, .group = info.st_gid};
        if (S_ISLNK(info.st_mode))
            place.leads_to = fs::read_symlink(path).string();
        else if (S_ISDIR(info.st_mode))
            place.extended_attributes = extended_attributes_of(path);
        if (S_ISLNK(info.st_mode) || S_ISDIR(info.st_mode))
            found_.places.push_back(std::move(place));
        else if (S_ISREG(info.st_mode))
            found_.files.files.push_back({.path = path.string(), .info = info, .uses = {}, .is_named = true});
        else
            found_.left_out.push_back(path);
        return info;
    }

    NamedFiles found_;
    std::set<std::string> known_;
};

} // namespace

NamedFiles look_at_named_files(const std::vector<fs::path>& paths) {
    NamedCollection collection;
    try {
        for (const fs::path& path : paths)
            collection.add(path);
    } catch (const fs::filesystem_error& error) {
        throw os_error(error.code().value(), fmt::format("cannot look at {}", printable(error.path1().string())),
                       Fault::usage);
    }
    return collection.take();
}

} // namespace cedana
