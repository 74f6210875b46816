// SPDX-License-Identifier: Apache-2.0
#include "cedana/files/remap_guard.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/file_id.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"

#include <cerrno>
#include <exception>
#include <system_error>
#include <utility>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

constexpr const char* k_kept = ".cedana-kept-";

std::string kept_name(const FilePlace& place) { return k_kept + place.name(); }

bool is_there(const std::string& path) {
    struct ::stat info {};
    return ::lstat(path.c_str(), &info) == 0;
}

bool is_kept(const std::string& link) {
    const fs::path path = link;
    return is_there((path.parent_path() / (k_kept + path.filename().string())).string());
}

// Throws Error.
void rename_back(const FilePlace& place) {
    if (place.rename_to_free(kept_name(place), place.name()))
        return;
    throw OsFailure(Fault::storage)
        .error("cannot rename {} to {}, which a restore needs", printable(place.beside(kept_name(place)).string()),
               printable(place.path().string()));
}

// An earlier restore failed, and could not do it.
void give_back_late(const std::string& link) {
    if (!is_there(link) && is_kept(link))
        rename_back(FilePlace(link));
}

void make(const LinkRemap& remap) {
    const FilePlace from(remap.name);
    const FilePlace to(remap.link);
    if (::linkat(from.folder(), from.name().c_str(), to.folder(), to.name().c_str(), 0) == 0)
        return;
    const int err = errno;
    const auto there = err == EEXIST ? to.entry(to.name()) : std::nullopt;
    const auto file = from.entry(from.name());
    if (there && file && file_id(*there) == file_id(*file))
        return;
    throw os_error(
        err,
        fmt::format("cannot give {} the name {}, which a restore needs", printable(remap.name), printable(remap.link)),
        Fault::storage)
        .hint(err == EEXIST
                  ? fmt::format("another checkpoint waits under that name: restore that one first, or move the "
                                "name away for as long (mv {0} {0}.away)",
                                shell_word(remap.link))
                  : std::string());
}

// As a name that was made, from which CRIU's is made.
LinkRemap from_waiting(LinkRemap remap) {
    if (!remap.waits.empty())
        remap.name = remap.waits;
    return remap;
}

void remove_if_same(const std::string& path, const struct ::stat& file) {
    const FilePlace place(path);
    const auto present = place.entry(place.name());
    if (present && file_id(*present) == file_id(file))
        ::unlinkat(place.folder(), place.name().c_str(), 0);
}

} // namespace

bool is_there_or_kept(const std::string& link) { return is_there(link) || is_kept(link); }

RemapGuard::RemapGuard(const std::vector<LinkRemap>& remaps, fs::path journal) : journal_(std::move(journal)) {
    for (const LinkRemap& remap : remaps) {
        const bool waited = !remap.waits.empty() && is_there(remap.waits);
        if (!waited)
            give_back_late(remap.link);
        const bool has_name = !waited && is_there(remap.link);
        if (waited || has_name || is_there(remap.name))
            kept_.push_back({.remap = waited ? from_waiting(remap) : remap,
                             .lost_is_taken = is_there(remap.lost),
                             .made = !has_name,
                             .waited = waited});
    }
    if (kept_.empty())
        return;
    write(journal_, kept_);
    for (const Kept& kept : kept_) {
        if (kept.made) {
            make(kept.remap);
            continue;
        }
        const FilePlace place(kept.remap.link);
        if (::linkat(place.folder(), place.name().c_str(), place.folder(), kept_name(place).c_str(), 0) == 0)
            continue;
        const int err = errno;
        if (err != EEXIST)
            throw os_error(err, fmt::format("cannot keep {} for another restore", printable(kept.remap.link)),
                           Fault::storage);
    }
}

RemapGuard::~RemapGuard() {
    for (const Kept& kept : kept_) {
        try {
            give_back(kept);
        } catch (const std::exception& error) {
            spdlog::warn("{} could not be given its name again: {}", printable(kept.remap.link), error.what());
        }
    }
}

void RemapGuard::commit() noexcept {
    for (const Kept& kept : kept_) {
        try {
            let_go(kept);
        } catch (const std::exception& error) {
            spdlog::warn("a second name of {} stays: {}", printable(kept.remap.link), error.what());
        }
    }
    kept_.clear();
}

void RemapGuard::finish_killed(const fs::path& journal, bool tree_ran) {
    for (const Kept& kept : read(journal))
        tree_ran ? let_go(kept) : give_back(kept);
}

void RemapGuard::give_back(const Kept& kept) {
    if (kept.made) {
        remove_names(kept, kept.lost_is_taken ? LostName::stays : LostName::goes);
        return;
    }
    const FilePlace place(kept.remap.link);
    const std::string name = kept_name(place);
    const auto file = place.entry(name);
    if (!file)
        return;
    if (!kept.lost_is_taken)
        remove_if_same(kept.remap.lost, *file);
    if (place.entry(place.name()))
        ::unlinkat(place.folder(), name.c_str(), 0);
    else
        rename_back(place);
}

void RemapGuard::remove_names(const Kept& kept, LostName lost) {
    const FilePlace place(kept.remap.name);
    const auto file = place.entry(place.name());
    if (!file)
        return;
    if (lost == LostName::goes)
        remove_if_same(kept.remap.lost, *file);
    remove_if_same(kept.remap.link, *file);
}

void RemapGuard::let_go(const Kept& kept) {
    if (kept.made) {
        remove_names(kept, LostName::stays);
        if (kept.waited && ::unlink(kept.remap.name.c_str()) != 0 && errno != ENOENT)
            throw OsFailure(Fault::storage).error("cannot remove {}", printable(kept.remap.name));
        return;
    }
    const FilePlace place(kept.remap.link);
    const std::string name = kept_name(place);
    if (::unlinkat(place.folder(), name.c_str(), 0) == 0 || errno == ENOENT)
        return;
    throw OsFailure(Fault::storage).error("cannot remove {}", printable(place.beside(name).string()));
}

// Fields with a NUL behind each, which no path holds: lost, link, 1 if the lost name was taken and 2 more if the next
// one is to go, and the name of which link was made, if it was.
void RemapGuard::write(const fs::path& journal, const std::vector<Kept>& kept) {
    std::string text;
    for (const Kept& one : kept)
        text += one.remap.lost + '\0' + one.remap.link + '\0' +
                std::to_string((one.lost_is_taken ? 1 : 0) + (one.waited ? 2 : 0)) + '\0' +
                (one.made ? one.remap.name : std::string()) + '\0';
    const UniqueFd file = open_file(journal, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    write_all(file.get(), text, journal);
}

std::vector<RemapGuard::Kept> RemapGuard::read(const fs::path& journal) {
    std::vector<Kept> kept;
    std::error_code ignored;
    if (!fs::exists(journal, ignored))
        return kept;
    const std::vector<std::string> fields = split(read_file(journal), '\0');
    for (std::size_t at = 0; at + 4 < fields.size(); at += 4)
        kept.push_back({.remap = {.lost = fields[at], .link = fields[at + 1], .name = fields[at + 3]},
                        .lost_is_taken = fields[at + 2] == "1" || fields[at + 2] == "3",
                        .made = !fields[at + 3].empty(),
                        .waited = fields[at + 2] == "2" || fields[at + 2] == "3"});
    return kept;
}

} // namespace cedana
