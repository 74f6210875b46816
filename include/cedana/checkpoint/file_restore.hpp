// SPDX-License-Identifier: Apache-2.0
// The files that a tree had open for writing or had just written, as they were at the checkpoint: CRIU opens those that
// were open by their path and refuses what has another size now. Whatever is refused is refused before anything is
// changed.
#pragma once

#include "cedana/base/leases.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/checkpoint/reader.hpp"
#include "cedana/files/file_place.hpp"
#include "cedana/files/put_back.hpp"
#include "cedana/model/captured_file.hpp"
#include "cedana/model/config.hpp"
#include "cedana/model/named_place.hpp"
#include "cedana/process/procfs.hpp"
#include "cedana/process/written_files.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <sys/stat.h>

namespace cedana {

class StagedFiles;

// What no file of another host gets.
inline constexpr mode_t k_set_id = S_ISUID | S_ISGID;

struct FileRules {
    // Files that another process has open for writing are put back too.
    bool force = false;
    // Files that were too large to be copied, and only grew, are cut to their size at the checkpoint.
    bool truncate_grown = false;
    // Below which the tree finds its files (file_place.hpp).
    std::filesystem::path root = "/";
    // Whether that is what the unit has for itself: else what was in its private folders is not put back, unless it was
    // open.
    bool root_is_of_unit = false;
    // Of a checkpoint that came from another host: the folders below which anything may be made or changed; and no
    // file gets set-ID bits. Absent: anywhere.
    std::optional<std::vector<std::filesystem::path>> only_below = std::nullopt;
};

// Throws Error(Fault::permission) for a path that lies below none of those.
void require_allowed_place(const std::string& path, const FileRules& rules);

// left: it is not as it was, there is no copy of it, and nothing of the tree has it open.
enum class FileAction { unchanged, created, replaced, cut, left };

// "unchanged", "created", "replaced", "cut", "left"
[[nodiscard]] std::string_view name_of(FileAction action);

struct RestoredFile {
    std::string path;
    FileAction action = FileAction::unchanged;
    // Where what was there is kept; empty if nothing was, or nothing was changed.
    std::filesystem::path backup = {};
};

// How a file is now, beside how it was at the checkpoint. grown: what was there then is there still, and more behind
// it.
enum class FileState { same, missing, changed, grown };

// What is to be done with a file; pure. Throws Error(Fault::restore_failed) that says why it cannot be put back, with
// its sizes and what the user can do. `size`: what it has now.
[[nodiscard]] FileAction choose_action(const CapturedFile& file, FileState state, std::uint64_t size,
                                       const FileRules& rules);

class FileRestore {
  public:
    // All must outlive this. `journal`: what is done is written down there until commit(); empty: nowhere. `staged`: is
    // taken from where it has the file; null: nothing is staged.
    FileRestore(const Checkpoint& checkpoint, const Config& config, FileRules rules, std::filesystem::path journal = {},
                StagedFiles* staged = nullptr);

    // Every file of the checkpoint but those that are `left` is as it was when this returns; nothing is done with
    // files.capture none. Throws Error: Fault::restore_failed for what is refused, Fault::checkpoint, Fault::storage,
    // Fault::interrupted.
    [[nodiscard]] std::vector<RestoredFile> put_back(const Procfs& procfs, const Interrupt& interrupt);
    // What put_back() would do, or refuse; changes nothing.
    [[nodiscard]] std::vector<RestoredFile> rehearse(const Procfs& procfs, const Interrupt& interrupt) const;
    // Keeps the files; without it, destruction makes every file what it was before put_back(). Warnings say where
    // backups are.
    void commit(const std::vector<RestoredFile>& files) noexcept;

  private:
    struct Plan {
        const CapturedFile& file;
        FileAction action;
        // These only if it is to be changed; `present`: what is there now.
        std::optional<FilePlace> place;
        // Of room there.
        std::uint64_t takes;
        std::optional<FileId> present;
        bool is_staged;
    };

    // What is to be made; changes nothing. Throws Error for what is in the way.
    [[nodiscard]] std::vector<NamedPlace> missing_places() const;
    void make_places();
    // A folder on its way is still to be made.
    [[nodiscard]] bool is_in_missing_place(const CapturedFile& file) const;
    [[nodiscard]] std::vector<Plan> plan_all(const Procfs& procfs, const Interrupt& interrupt) const;
    [[nodiscard]] bool comes_with_its_folder(const CapturedFile& file) const;
    [[nodiscard]] Plan plan(const CapturedFile& file, OpenFolders& folders, const Interrupt& interrupt) const;
    // Of a rehearsal.
    [[nodiscard]] Plan plan_in_missing_place(const CapturedFile& file) const;
    void refuse_other_writers(const Procfs& procfs, const std::vector<Plan>& plans) const;
    [[nodiscard]] std::vector<RestoredFile> carry_out(std::vector<Plan> plans, const Interrupt& interrupt);

    const Checkpoint& checkpoint_;
    const Config& config_;
    FileRules rules_;
    StagedFiles* staged_;
    // Of the checkpoint, as the rules have them.
    std::vector<CapturedFile> wanted_;
    std::vector<NamedPlace> places_;
    // Of these.
    std::set<std::string> named_folders_;
    // For all files one look, which takes 10 ms (leases.hpp). Absent where there is none to be put back.
    std::optional<LeasesAhead> leases_;
    PutBack changes_;
};

} // namespace cedana
