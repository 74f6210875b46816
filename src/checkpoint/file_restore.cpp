// SPDX-License-Identifier: Apache-2.0
#include "cedana/checkpoint/file_restore.hpp"

#include "cedana/archive/image_reader.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/kernel_time.hpp"
#include "cedana/base/text.hpp"
#include "cedana/checkpoint/staged_files.hpp"
#include "cedana/files/backups.hpp"
#include "cedana/files/content_digest.hpp"
#include "cedana/files/needed_room.hpp"
#include "cedana/files/sparse_copy.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <exception>
#include <map>
#include <set>
#include <span>
#include <string_view>
#include <utility>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "entry_content.hpp"
#include "file_looks.hpp"

namespace cedana {

namespace {

std::string sized(std::uint64_t bytes) {
    return bytes < 1024 ? fmt::format("{} bytes", bytes) : fmt::format("{} ({} bytes)", human_bytes(bytes), bytes);
}

FileState state_of(const CapturedFile& file, const UniqueFd& present, const struct ::stat& info,
                   const Interrupt& interrupt) {
    if (!present)
        return FileState::missing;
    const auto size = static_cast<std::uint64_t>(info.st_size);
    if (size < file.size)
        return FileState::changed;
    if (!file.blocks_digest.empty())
        return blocks_digest({.fd = present.get(), .path = file.path, .size = file.size},
                             [&] { interrupt.throw_if_pending(); }) != file.blocks_digest
                   ? FileState::changed
               : size == file.size ? FileState::same
                                   : FileState::grown;
    // Nobody could read it at the dump, or only at the price of a long standstill.
    if (file.digest.empty()) {
        const bool is_same = size == file.size && nanoseconds_of(info.st_mtim).count() == file.modified;
        return is_same ? FileState::same : FileState::changed;
    }
    // A grown file that can be replaced need not be read.
    if (size > file.size && !file.entry.empty())
        return FileState::changed;
    if (content_digest(present.get(), file.path, file.size, interrupt) != file.digest)
        return FileState::changed;
    return size == file.size ? FileState::same : FileState::grown;
}

Attributes attributes_of(const CapturedFile& file, const CapturedFile& made) {
    const bool are_same = file.mode == made.mode && file.owner == made.owner && file.group == made.group &&
                          file.accessed == made.accessed && file.modified == made.modified &&
                          file.extended_attributes == made.extended_attributes;
    return are_same ? Attributes::as_made : Attributes::changed;
}

Error not_in_checkpoint(const CapturedFile& file, const std::string& how_it_is) {
    return {Fault::restore_failed,
            fmt::format("cannot put {} back: {}, and had {} at the checkpoint, which holds no copy of it",
                        printable(file.path), how_it_is, sized(file.size))};
}

std::string sentence_of(const RestoredFile& file) {
    const std::string path = printable(file.path);
    if (file.action == FileAction::left)
        return fmt::format("{} is not as it was at the checkpoint, which holds no copy of it; it is left so, since "
                           "nothing of the tree has it open",
                           path);
    if (file.backup.empty())
        return path + " was put back as it was at the checkpoint; nothing was there";
    return fmt::format("{} was put back as it was at the checkpoint; {} is in {}", path,
                       file.action == FileAction::cut ? "what was added since" : "what was there",
                       printable(file.backup.string()));
}

// Of several with which the same was done; each by itself is in --json.
std::string sentence_of(const std::vector<RestoredFile>& files) {
    constexpr std::size_t k_most_named = 3;
    if (files.size() == 1)
        return sentence_of(files.front());
    std::vector<std::string> paths;
    for (const RestoredFile& file : files)
        if (paths.size() < k_most_named)
            paths.push_back(printable(file.path));
    std::string list = fmt::format("{}", fmt::join(paths, ", "));
    if (files.size() > paths.size())
        list += fmt::format(" and {} more", files.size() - paths.size());
    if (files.front().action == FileAction::left)
        return fmt::format(
            "{} files are not as they were at the checkpoint, which holds no copy of them; they are left "
            "so, since nothing of the tree has them open: {}",
            files.size(), list);
    if (files.front().backup.empty())
        return fmt::format("{} files were put back as they were at the checkpoint; nothing was there: {}", files.size(),
                           list);
    return fmt::format("{} files were put back as they were at the checkpoint; {} is beside each as "
                       "NAME.cedana-backup-DATETIME: {}",
                       files.size(),
                       files.front().action == FileAction::cut ? "what was added since" : "what was there", list);
}

// For whoever removes them once they are old.
void remember_backups(const std::vector<RestoredFile>& files) noexcept {
    try {
        std::vector<std::filesystem::path> paths;
        for (const RestoredFile& file : files)
            if (!file.backup.empty())
                paths.push_back(file.backup);
        BackupRecord().add(paths);
    } catch (const std::exception& error) {
        spdlog::debug("backups are not written down: {}", error.what());
    }
}

} // namespace

void require_allowed_place(const std::string& path, const FileRules& rules) {
    if (!rules.only_below)
        return;
    const std::filesystem::path wanted = std::filesystem::path(path).lexically_normal();
    const bool is_allowed = std::ranges::any_of(*rules.only_below, [&](const std::filesystem::path& folder) {
        return folder.is_absolute() && lies_below(wanted.native(), folder.lexically_normal().native());
    });
    if (!is_allowed)
        throw Error(Fault::permission, fmt::format("{} is not to be put here by another host: it lies below no folder "
                                                   "of security.receive_folders",
                                                   printable(path)))
            .hint(fmt::format("name one there in /etc/cedana/config.json: \"receive_folders\": [\"{}\"]",
                              printable(wanted.parent_path().string())));
}

std::string_view name_of(FileAction action) {
    switch (action) {
    case FileAction::unchanged:
        return "unchanged";
    case FileAction::created:
        return "created";
    case FileAction::replaced:
        return "replaced";
    case FileAction::left:
        return "left";
    case FileAction::cut:
        break;
    }
    return "cut";
}

FileAction choose_action(const CapturedFile& file, FileState state, std::uint64_t size, const FileRules& rules) {
    if (state == FileState::same)
        return FileAction::unchanged;
    if (!file.entry.empty())
        return state == FileState::missing ? FileAction::created : FileAction::replaced;
    if (!file.is_open() && !(state == FileState::grown && rules.truncate_grown))
        return FileAction::left;
    const std::string of_old = fmt::format("bring the file of {} back yourself, or leave all files as they are "
                                           "(CEDANA_FILES_CAPTURE=none); checkpoints hold copies of files up to "
                                           "files.capture_limit_mib",
                                           sized(file.size));
    if (state == FileState::missing)
        throw not_in_checkpoint(file, "it is gone").hint(of_old);
    if (state == FileState::grown && rules.truncate_grown)
        return FileAction::cut;
    if (state == FileState::grown)
        throw not_in_checkpoint(file, fmt::format("it has grown to {}", sized(size)))
            .hint("pass --truncate-grown: what was added is kept in a file beside it, and cut off");
    if (size > file.size && rules.truncate_grown)
        throw not_in_checkpoint(file, fmt::format("it has {} now, of which the first {} are not known to be what they "
                                                  "were",
                                                  sized(size), file.size))
            .hint(of_old);
    throw not_in_checkpoint(file,
                            size == file.size ? "it was changed since" : fmt::format("it has {} now", sized(size)))
        .hint(of_old);
}

FileRestore::FileRestore(const Checkpoint& checkpoint, const Config& config, FileRules rules,
                         std::filesystem::path journal, StagedFiles* staged)
    : checkpoint_(checkpoint), config_(config), rules_(std::move(rules)), staged_(staged),
      wanted_(checkpoint.manifest().files), places_(checkpoint.manifest().places),
      changes_(std::chrono::system_clock::now(), std::move(journal)) {
    for (const NamedPlace& place : places_)
        if (!place.is_link())
            named_folders_.insert(place.path);
    if (config_.files_capture != Capture::none && !wanted_.empty())
        leases_.emplace();
    if (!rules_.only_below)
        return;
    for (CapturedFile& file : wanted_)
        file.mode &= ~k_set_id;
    for (NamedPlace& place : places_)
        place.mode &= ~k_set_id;
}

std::vector<NamedPlace> FileRestore::missing_places() const {
    std::vector<NamedPlace> missing;
    std::set<std::string> made;
    for (const NamedPlace& place : places_) {
        const std::string folder = std::filesystem::path(place.path).parent_path().string();
        if (!made.contains(folder) && is_there(place, rules_.root))
            continue;
        require_allowed_place(place.path, rules_);
        made.insert(place.path);
        missing.push_back(place);
    }
    return missing;
}

void FileRestore::make_places() {
    OpenFolders folders(rules_.root);
    for (const NamedPlace& place : missing_places())
        changes_.make(folders.place(place.path), place);
}

bool FileRestore::is_in_missing_place(const CapturedFile& file) const {
    const std::string folder = std::filesystem::path(file.path).parent_path().string();
    struct ::stat info {};
    return named_folders_.contains(folder) &&
           ::lstat((rules_.root / std::filesystem::path(folder).relative_path()).c_str(), &info) != 0;
}

// For a rehearsal: before files are put back in earnest the folders of the unit are made.
bool FileRestore::comes_with_its_folder(const CapturedFile& file) const {
    const std::string folder = std::filesystem::path(file.path).parent_path().string();
    std::error_code ignored;
    return std::ranges::count(checkpoint_.manifest().unit_entries, folder, &UnitEntry::path) != 0 &&
           !std::filesystem::exists(rules_.root.string() + folder, ignored);
}

FileRestore::Plan FileRestore::plan(const CapturedFile& file, OpenFolders& folders, const Interrupt& interrupt) const {
    if (comes_with_its_folder(file))
        return {.file = file,
                .action = FileAction::created,
                .place = std::nullopt,
                .takes = 0,
                .present = std::nullopt,
                .is_staged = false};
    FilePlace place = folders.place(file.path);
    require_no_lease(place, *leases_);
    const UniqueFd present = place.open_present(O_RDONLY);
    struct ::stat info {};
    if (present && ::fstat(present.get(), &info) != 0)
        throw OsFailure(Fault::restore_failed).error("cannot look at {}", printable(file.path));
    const FileState state = state_of(file, present, info, interrupt);
    const FileAction action = choose_action(file, state, static_cast<std::uint64_t>(info.st_size), rules_);
    Plan plan{
        .file = file, .action = action, .place = std::nullopt, .takes = 0, .present = std::nullopt, .is_staged = false};
    if (action == FileAction::unchanged || action == FileAction::left)
        return plan;
    require_allowed_place(file.path, rules_);
    if (present)
        require_changeable(file, present);
    require_writable_folder(place);
    plan.place = std::move(place);
    plan.is_staged = staged_ != nullptr && action != FileAction::cut && staged_->find(file, *plan.place) != nullptr;
    if (!plan.is_staged)
        plan.takes = action == FileAction::cut ? static_cast<std::uint64_t>(info.st_size) - file.size : file.size;
    if (present)
        plan.present = file_id(info);
    return plan;
}

FileRestore::Plan FileRestore::plan_in_missing_place(const CapturedFile& file) const {
    const FileAction action = choose_action(file, FileState::missing, 0, rules_);
    if (action != FileAction::left)
        require_allowed_place(file.path, rules_);
    return {
        .file = file, .action = action, .place = std::nullopt, .takes = 0, .present = std::nullopt, .is_staged = false};
}

void FileRestore::refuse_other_writers(const Procfs& procfs, const std::vector<Plan>& plans) const {
    std::vector<FileId> changing;
    for (const Plan& plan : plans)
        if (plan.present)
            changing.push_back(*plan.present);
    for (const OutsideWriter& writer : outside_writers(procfs, changing, {}, ::getpid())) {
        const auto plan = std::ranges::find(plans, std::optional(writer.file), &Plan::present);
        const std::string reason =
            fmt::format("process {} ({}) has it open for writing", writer.pid, printable(writer.comm));
        if (!rules_.force)
            throw Error(Fault::restore_failed,
                        fmt::format("cannot put {} back: {}", printable(plan->file.path), reason))
                .hint(fmt::format("end that process (kill {}), or pass --force: it then goes on writing to the backup",
                                  writer.pid));
        spdlog::warn("{} is put back although {}", printable(plan->file.path), reason);
    }
}

std::vector<RestoredFile> FileRestore::carry_out(std::vector<Plan> plans, const Interrupt& interrupt) {
    std::optional<ImageReader> reader;
    std::vector<RestoredFile> files;
    std::vector<std::size_t> written;
    for (Plan& plan : plans) {
        RestoredFile done{.path = plan.file.path, .action = plan.action};
        if (plan.action == FileAction::cut) {
            done.backup = changes_.cut(*std::exchange(plan.place, std::nullopt), plan.file);
        } else if (plan.is_staged) {
            StagedFiles::Staged staged = staged_->take(plan.file.path);
            changes_.take(*std::exchange(plan.place, std::nullopt), std::move(staged.file), plan.file,
                          attributes_of(plan.file, staged.as));
            written.push_back(files.size());
        } else if (plan.place) {
            if (!reader)
                reader.emplace(checkpoint_.zip(), checkpoint_.files_index(),
                               ImageReaderOptions{.threads = static_cast<unsigned>(config_.archive_threads),
                                                  .folder = k_files_folder});
            EntryContent content(*reader, plan.file, interrupt);
            changes_.write(*std::exchange(plan.place, std::nullopt), plan.file, [&] { return content.next(); });
            written.push_back(files.size());
        }
        files.push_back(std::move(done));
    }
    const std::vector<std::filesystem::path> backups = changes_.settle();
    if (staged_ != nullptr)
        staged_->clear();
    for (std::size_t i = 0; i < written.size(); ++i)
        files[written[i]].backup = backups[i];
    return files;
}

void FileRestore::commit(const std::vector<RestoredFile>& files) noexcept {
    changes_.commit();
    remember_backups(files);
    std::map<std::pair<FileAction, bool>, std::vector<RestoredFile>> alike;
    for (const RestoredFile& file : files)
        if (file.action != FileAction::unchanged)
            alike[{file.action, file.backup.empty()}].push_back(file);
    for (const auto& [what, some] : alike)
        spdlog::warn("{}", sentence_of(some));
}

std::vector<FileRestore::Plan> FileRestore::plan_all(const Procfs& procfs, const Interrupt& interrupt) const {
    std::vector<Plan> plans;
    if (config_.files_capture == Capture::none)
        return plans;
    OpenFolders folders(rules_.root);
    for (const CapturedFile& file : wanted_)
        if (file.is_open() || rules_.root_is_of_unit ||
            !is_in_private_folder(checkpoint_.manifest().unit_entries, file.path))
            plans.push_back(is_in_missing_place(file) ? plan_in_missing_place(file) : plan(file, folders, interrupt));
    refuse_other_writers(procfs, plans);
    NeededRoom room;
    for (const Plan& plan : plans)
        if (plan.place)
            room.add(*plan.place, plan.takes);
    room.require();
    return plans;
}

std::vector<RestoredFile> FileRestore::put_back(const Procfs& procfs, const Interrupt& interrupt) {
    if (config_.files_capture != Capture::none)
        make_places();
    return carry_out(plan_all(procfs, interrupt), interrupt);
}

std::vector<RestoredFile> FileRestore::rehearse(const Procfs& procfs, const Interrupt& interrupt) const {
    static_cast<void>(missing_places());
    std::vector<RestoredFile> files;
    for (const Plan& plan : plan_all(procfs, interrupt))
        files.push_back({.path = plan.file.path, .action = plan.action});
    return files;
}

} // namespace cedana
