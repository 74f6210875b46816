// SPDX-License-Identifier: Apache-2.0
// The files that a tree has open for writing, or wrote when it was asked to prepare for the dump, as they are while it
// is frozen, on their way into its checkpoint. Frozen, each is only cloned or copied to a private place; hashing and
// compressing come once the tree runs again.
#pragma once

#include "cedana/archive/image_writer.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/files/private_copy.hpp"
#include "cedana/model/captured_file.hpp"
#include "cedana/model/config.hpp"
#include "cedana/process/procfs.hpp"
#include "cedana/process/tree.hpp"
#include "cedana/process/written_files.hpp"

#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace cedana {

class FileCapture {
  public:
    // `folder`: has room for copies that do not fit into memory.
    FileCapture(const Config& config, std::filesystem::path folder);

    // Before the tree is frozen: the bytes that capturing will copy. Warns of processes outside that write to the
    // files, of each once.
    [[nodiscard]] std::uint64_t look(const Procfs& procfs, const ProcessTree& tree, const WrittenFiles& written);

    // The tree is frozen, and stays so for as long as this takes. Throws Error, Error(Fault::interrupted).
    void take(const WrittenFiles& written, const Interrupt& interrupt);

    // Afterwards: whether there is anything for write().
    [[nodiscard]] bool has_content() const;
    // Every copy becomes an image named after its entry; the index of them. Throws Error, Error(Fault::interrupted).
    [[nodiscard]] FrameIndex write(ImageWriter& archive, const Interrupt& interrupt);
    // What the manifest says of them, after write(). Warns of what the checkpoint does not hold.
    [[nodiscard]] std::vector<CapturedFile> describe(const Interrupt& interrupt);

  private:
    struct Taken {
        CapturedFile file;
        // What is to be copied, or only hashed if the file has no entry.
        UniqueFd content;
    };

    [[nodiscard]] std::uint64_t limit() const;
    void warn_of_outside_writers(const Procfs& procfs, const ProcessTree& tree, const WrittenFiles& written);
    void take_one(const WrittenFile& written, CopySpace& space, const Interrupt& interrupt);
    [[nodiscard]] UniqueFd content_to_hash(UniqueFd file, const WrittenFile& written, CapturedFile& described,
                                           const Interrupt& interrupt);

    const Config& config_;
    std::filesystem::path folder_;
    std::vector<Taken> taken_;
    std::size_t entries_ = 0;
    std::uint64_t hashed_frozen_ = 0;
    std::set<std::pair<FileId, pid_t>> told_writers_;
    // Said once the tree runs again.
    std::vector<std::string> warnings_;
};

} // namespace cedana
