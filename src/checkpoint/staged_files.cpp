// SPDX-License-Identifier: Apache-2.0
#include "cedana/checkpoint/staged_files.hpp"

#include "cedana/archive/image_reader.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/kernel_time.hpp"
#include "cedana/base/text.hpp"
#include "cedana/checkpoint/reader.hpp"
#include "cedana/files/needed_room.hpp"
#include "cedana/files/put_back.hpp"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <set>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <sys/stat.h>

#include "entry_content.hpp"

namespace cedana {

namespace {

namespace fs = std::filesystem;

bool is_folder(const fs::path& path) {
    struct ::stat info {};
    return ::lstat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

std::string folder_above(const std::string& path) { return fs::path(path).parent_path().string(); }

} // namespace

// Folders that are still to be made will be on the mount of the one above them.
std::optional<FilePlace> StagedFiles::home_of(const std::string& path) {
    const auto [known, is_new] = homes_.try_emplace(folder_above(path));
    if (is_new) {
        std::string home = known->first;
        while (home != "/" && !is_folder(rules_.root.string() + home))
            home = folder_above(home);
        known->second = home;
    }
    try {
        return folders_.place(path, known->second);
    } catch (const Error& error) {
        // The restore tells it.
        spdlog::debug("{}", error.message());
        return std::nullopt;
    }
}

bool StagedFiles::seems_there(const CapturedFile& file) const {
    struct ::stat info {};
    return ::lstat((rules_.root.string() + file.path).c_str(), &info) == 0 &&
           static_cast<std::uint64_t>(info.st_size) == file.size &&
           nanoseconds_of(info.st_mtim).count() == file.modified;
}

void StagedFiles::add(const ZipReader& zip, const FrameIndex& index, const std::vector<CapturedFile>& files,
                      const Config& config, const Interrupt& interrupt) {
    const std::uint64_t most = descriptors_for(files);
    ImageReader reader(zip, index,
                       {.threads = static_cast<unsigned>(config.archive_threads), .folder = k_files_folder});
    NeededRoom room;
    for (const CapturedFile& file : files) {
        require_allowed_place(file.path, rules_);
        if (const auto home = home_of(file.path))
            room.add(*home, file.size);
    }
    room.require();
    for (CapturedFile file : files) {
        interrupt.throw_if_pending();
        const auto home = files_.size() < most && !seems_there(file) ? home_of(file.path) : std::nullopt;
        auto staged = home ? NewFile::nameless(*home) : std::nullopt;
        if (!staged)
            continue;
        if (rules_.only_below)
            file.mode &= ~k_set_id;
        const ImageRecord* const record = index.find(file.entry);
        if (record == nullptr || record->size != file.size)
            throw Error(Fault::checkpoint,
                        fmt::format("{} is not among the files that came, as it is described", printable(file.path)));
        EntryContent content(reader, file, interrupt);
        for (auto piece = content.next(); !piece.empty(); piece = content.next())
            staged->write(piece);
        staged->complete(file);
        const std::string path = file.path;
        files_.emplace(path, Staged{.file = std::move(*staged), .as = std::move(file)});
    }
    std::vector<const NewFile*> made;
    for (const auto& [path, staged] : files_)
        made.push_back(&staged.file);
    flush_all(made);
}

// One for each is held until it has its name; the restore needs some for folders, and its own parts, by then.
std::uint64_t StagedFiles::descriptors_for(const std::vector<CapturedFile>& all) {
    constexpr std::uint64_t k_many = 4096;
    std::set<std::string> folders;
    for (const CapturedFile& file : all)
        folders.insert(folder_above(file.path));
    const std::uint64_t files = all.size();
    const std::uint64_t limit = descriptor_limit();
    const std::uint64_t half = limit < k_many ? 0 : limit / 2;
    const std::uint64_t own =
        std::max(limit / k_unnamed_part, half - std::min<std::uint64_t>(half, 2 * folders.size()));
    if (files <= own)
        return own;
    more_.emplace(files - own);
    return own + more_->count();
}

void StagedFiles::clear() noexcept {
    files_.clear();
    more_.reset();
}

const StagedFiles::Staged* StagedFiles::find(const CapturedFile& file, const FilePlace& place) const {
    const auto found = files_.find(file.path);
    const bool is_it = found != files_.end() && found->second.as.size == file.size && !file.digest.empty() &&
                       found->second.as.digest == file.digest && found->second.file.can_go_to(place);
    return is_it ? &found->second : nullptr;
}

StagedFiles::Staged StagedFiles::take(const std::string& path) {
    auto node = files_.extract(path);
    return std::move(node.mapped());
}

} // namespace cedana
