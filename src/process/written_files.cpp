// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/written_files.hpp"

#include "cedana/base/parallel.hpp"
#include "cedana/process/open_files.hpp"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <sys/stat.h>

namespace cedana {

namespace {

bool is_named_file(const struct ::stat& info) { return S_ISREG(info.st_mode) && info.st_nlink > 0; }

class WrittenCollection {
  public:
    explicit WrittenCollection(LookedAtFrom from) : from_(from) {}

    void add(const std::string& target, const struct ::stat& info, const FileUse& use) {
        if (!is_named_file(info) || !target.starts_with('/') || !is_kept_by_file_system(target))
            return;
        const auto [known, is_new] = places_.try_emplace({file_id(info), target}, found_.files.size());
        if (!is_new) {
            if (known->second)
                found_.files[*known->second].uses.push_back(use);
            return;
        }
        const std::string among_its_mounts = fmt::format("/proc/{}/root{}", use.pid, target);
        const bool is_here = is_seen_at(target, info);
        if (is_here || (from_ == LookedAtFrom::among_its_mounts && is_seen_at(among_its_mounts, info))) {
            found_.files.push_back(
                {.path = target, .seen_at = is_here ? std::string() : among_its_mounts, .info = info, .uses = {use}});
            return;
        }
        known->second = std::nullopt;
        // One that has lost this name and has others is CRIU's to bring back (--link-remap).
        if (!target.ends_with(k_deleted))
            found_.unseen.push_back(target);
    }
    [[nodiscard]] WrittenFiles take() { return std::move(found_); }

  private:
    LookedAtFrom from_;
    WrittenFiles found_;
    // Where it is in the list of files, if it is there.
    std::map<std::pair<FileId, std::string>, std::optional<std::size_t>> places_;
};

// Before the flags of a descriptor are read, which costs more: nearly none leads to one of the files.
bool writes_through_descriptor(const Procfs& procfs, pid_t pid, const FileId& file) {
    return std::ranges::any_of(open_files(procfs, pid), [&](const OpenFile& open) {
        return open.info && open.writable() && file_id(*open.info) == file;
    });
}

std::set<FileId> open_among(const Procfs& procfs, pid_t pid, const std::set<FileId>& wanted) {
    std::set<FileId> found;
    for (const std::string& name : procfs.names(pid, "fd"))
        if (const auto info = procfs.file(pid, ("fd/" + name).c_str()); info && wanted.contains(file_id(*info)))
            found.insert(file_id(*info));
    return found;
}

std::set<FileId> written_among(const Procfs& procfs, pid_t pid, const std::set<FileId>& wanted) {
    std::set<FileId> written;
    for (const FileId& file : open_among(procfs, pid, wanted))
        if (writes_through_descriptor(procfs, pid, file))
            written.insert(file);
    for (const MappedFile& mapped : mapped_files(procfs, pid))
        if (mapped.written && mapped.info && wanted.contains(file_id(*mapped.info)))
            written.insert(file_id(*mapped.info));
    return written;
}

} // namespace

bool WrittenFile::only_appended() const noexcept {
    return !uses.empty() && std::ranges::all_of(uses, [](const FileUse& use) { return use.appends(); });
}

void add_missing(WrittenFiles& written, WrittenFiles more) {
    std::set<FileId> known;
    for (const WrittenFile& file : written.files)
        known.insert(file_id(file.info));
    for (WrittenFile& file : more.files)
        if (known.insert(file_id(file.info)).second)
            written.files.push_back(std::move(file));
    std::ranges::move(more.unseen, std::back_inserter(written.unseen));
}

void add_missing_names(WrittenFiles& written, WrittenFiles more) {
    std::map<std::string, std::size_t> known;
    for (std::size_t i = 0; i < written.files.size(); ++i)
        known.emplace(written.files[i].path, i);
    for (WrittenFile& file : more.files) {
        const auto [at, is_new] = known.emplace(file.path, written.files.size());
        if (is_new)
            written.files.push_back(std::move(file));
        else if (file.is_named)
            written.files[at->second].any_size = true;
    }
    std::ranges::move(more.unseen, std::back_inserter(written.unseen));
}

// The kernel gives paths without any link in them.
bool is_seen_at(const std::string& path, const struct ::stat& info) {
    struct ::stat seen {};
    return ::lstat(path.c_str(), &seen) == 0 && file_id(seen) == file_id(info);
}

bool is_kept_by_file_system(std::string_view path) {
    const auto is_in = [path](std::string_view folder) { return path.starts_with(folder); };
    return !is_in("/proc/") && !is_in("/sys/") && (!is_in("/dev/") || is_in("/dev/shm/"));
}

WrittenFiles written_files(const TreeHoldings& tree, LookedAtFrom from) {
    WrittenCollection collection(from);
    for (const Holdings& one : tree) {
        const pid_t pid = one.process.pid();
        for (const OpenFile& file : one.open)
            if (file.info && file.writable())
                collection.add(file.target, *file.info, {.pid = pid, .fd = file.fd, .flags = file.flags});
        for (const MappedFile& file : one.mapped)
            if (file.info && file.written)
                collection.add(file.target, *file.info, {.pid = pid, .fd = -1, .flags = 0});
    }
    return collection.take();
}

namespace {

bool any_is_of(const std::vector<pid_t>& tree, const std::vector<pid_t>& ancestors) {
    return std::ranges::any_of(ancestors, [&](pid_t pid) { return std::ranges::count(tree, pid) != 0; });
}

} // namespace

std::vector<OutsideWriter> outside_writers(const Procfs& procfs, const std::vector<FileId>& files,
                                           const std::vector<pid_t>& tree, pid_t self) {
    const std::set<FileId> wanted(files.begin(), files.end());
    std::vector<OutsideWriter> writers;
    if (wanted.empty())
        return writers;
    std::vector<pid_t> others = procfs.pids();
    std::erase_if(others, [&](pid_t pid) { return pid == self || std::ranges::count(tree, pid) != 0; });
    // 80 µs each, of all processes of the host.
    std::vector<std::set<FileId>> found(others.size());
    parallel(found.size(), threads_for(found.size(), k_least_processes_each),
             [&](std::size_t i, const std::stop_token&) { found[i] = written_among(procfs, others[i], wanted); });
    for (std::size_t i = 0; i < others.size(); ++i) {
        const pid_t pid = others[i];
        const std::set<FileId>& written = found[i];
        if (written.empty())
            continue;
        const auto stat = procfs.stat(pid);
        if (!stat || any_is_of(tree, procfs.ancestors(pid)))
            continue;
        for (const FileId& file : written)
            writers.push_back({.file = file, .pid = pid, .comm = stat->comm});
    }
    return writers;
}

} // namespace cedana
