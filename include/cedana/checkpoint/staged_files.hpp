// SPDX-License-Identifier: Apache-2.0
// Files of a checkpoint that is still on its way, written and flushed near their places before a restore puts them
// there: what is left for that is to give them their names. They have none until then, so that nobody sees them, and
// nothing of them is left however this process ends. Who vouches for the checkpoint is not known yet: the restore takes
// those alone that are what its manifest says.
#pragma once

#include "cedana/archive/frame_index.hpp"
#include "cedana/archive/zip_reader.hpp"
#include "cedana/base/descriptor_limit.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/checkpoint/file_restore.hpp"
#include "cedana/files/new_file.hpp"
#include "cedana/model/captured_file.hpp"
#include "cedana/model/config.hpp"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace cedana {

class StagedFiles {
  public:
    // `rules`: those of the restore.
    explicit StagedFiles(FileRules rules) : rules_(std::move(rules)) {}

    // Of an archive that holds their entries, as `index` says. Left out, for the restore to write or to refuse, is what
    // seems to be there as it is to be, and what would take too many descriptors. Throws Error(Fault::storage),
    // Error(Fault::permission) for what the rules do not allow, Error(Fault::checkpoint) for what is damaged,
    // Error(Fault::interrupted).
    void add(const ZipReader& zip, const FrameIndex& index, const std::vector<CapturedFile>& files,
             const Config& config, const Interrupt& interrupt);

    struct Staged {
        NewFile file;
        // What it was made as.
        CapturedFile as;
    };
    // One with this path, size and content that can go to `place`.
    [[nodiscard]] const Staged* find(const CapturedFile& file, const FilePlace& place) const;
    // What find() has found.
    [[nodiscard]] Staged take(const std::string& path);
    // Of the rest nothing is left.
    void clear() noexcept;

  private:
    [[nodiscard]] std::optional<FilePlace> home_of(const std::string& path);
    [[nodiscard]] std::uint64_t descriptors_for(const std::vector<CapturedFile>& all);
    [[nodiscard]] bool seems_there(const CapturedFile& file) const;

    FileRules rules_;
    OpenFolders folders_{rules_.root};
    // By the folder of a file: the folder on the way to it that is there.
    std::map<std::string, std::string> homes_;
    std::optional<MoreDescriptors> more_;
    std::map<std::string, Staged> files_;
};

} // namespace cedana
