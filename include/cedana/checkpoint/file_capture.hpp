// SPDX-License-Identifier: Apache-2.0
// The files that a tree has open for writing, or wrote when it was asked to prepare for the dump, as they are while it
// is frozen, on their way into its checkpoint. Frozen, each is only cloned or copied to a private place; hashing and
// compressing come once the tree runs again. A process of its own reads them (roles/file_reader.hpp).
#pragma once

#include "cedana/archive/image_writer.hpp"
#include "cedana/base/alike.hpp"
#include "cedana/base/leases.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/model/captured_file.hpp"
#include "cedana/model/config.hpp"
#include "cedana/process/procfs.hpp"
#include "cedana/process/tree.hpp"
#include "cedana/process/written_files.hpp"
#include "cedana/roles/file_reader.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <sys/stat.h>
#include <sys/types.h>

namespace cedana {

class FileCapture {
  public:
    // `folder`: has room for copies that do not fit into memory.
    FileCapture(const Config& config, std::filesystem::path folder);

    // How many bytes capture() will copy; call it before the tree is frozen. Warns of processes outside that write to
    // the files, of each once. Opens none of them, so that nobody sees it.
    [[nodiscard]] std::uint64_t measure(const Procfs& procfs, const ProcessTree& tree, const WrittenFiles& written);
    // Makes ready what capture() would else lose time with while the tree stands still.
    void prepare(const WrittenFiles& written, const Interrupt& interrupt);

    // Copies those that were named into the archive while the tree runs; capture() takes again only what has changed
    // since. The index of them. Throws Error, Error(Fault::interrupted).
    [[nodiscard]] FrameIndex write_ahead(const WrittenFiles& written, ImageWriter& archive, const Interrupt& interrupt);

    // What write_ahead() has written, as describe() would say it, and the index of that.
    [[nodiscard]] std::vector<CapturedFile> files_ahead() const;
    [[nodiscard]] const FrameIndex& index_ahead() const noexcept { return index_ahead_; }

    // The tree is frozen, and stays so for as long as this takes. Throws Error, Error(Fault::interrupted).
    void capture(const WrittenFiles& written, const LeasesAhead& leases, const Interrupt& interrupt);

    // Afterwards: whether there is anything for write().
    [[nodiscard]] bool has_content() const;
    // Every copy becomes an image named after its entry; the index of them. Throws Error, Error(Fault::interrupted).
    [[nodiscard]] FrameIndex write(ImageWriter& archive, const Interrupt& interrupt);
    // Entries that write_ahead() wrote for nothing.
    [[nodiscard]] std::vector<std::string> superseded() const;
    // What the manifest says of them, after write(). Warns of what the checkpoint does not hold.
    [[nodiscard]] std::vector<CapturedFile> describe(const Interrupt& interrupt);

  private:
    struct Captured {
        CapturedFile file;
        // What is to be copied, or only hashed if the file has no entry: a copy, or what the reader has under this
        // number.
        UniqueFd copy = {};
        std::optional<std::uint64_t> number = std::nullopt;
        // Of one that was named: opened only when it is written.
        std::filesystem::path name = {};
        // As it was opened then, if nothing could change it since without being seen.
        std::optional<struct ::stat> opened = std::nullopt;
        bool is_written = false;
    };

    [[nodiscard]] std::uint64_t limit() const;
    [[nodiscard]] roles::FileReader& reader();
    void warn_of_outside_writers(const Procfs& procfs, const ProcessTree& tree, const WrittenFiles& written);
    // Later, in one line for all of one `kind`: "PATH TEXT".
    void warn(const std::string& path, const std::string& kind, const std::string& text);
    void capture_one(const WrittenFile& written, const LeasesAhead& leases, const Interrupt& interrupt);
    void capture_for_digest(const WrittenFile& written, std::uint64_t number, Captured& captured,
                            const Interrupt& interrupt);
    void capture_named(const WrittenFile& written);
    void open_named(Captured& captured, const Interrupt& interrupt);
    void write_one(Captured& captured, ImageWriter& archive, const Interrupt& interrupt);
    void copy_to_archive(Captured& captured, ImageWriter& archive, const Interrupt& interrupt);
    [[nodiscard]] std::size_t read(const Captured& captured, std::uint64_t offset, std::span<std::byte> part,
                                   const Interrupt& interrupt);

    const Config& config_;
    std::filesystem::path folder_;
    std::optional<roles::FileReader> reader_;
    std::uint64_t last_number_ = 0;
    std::vector<Captured> captured_;
    // By their paths, of files that have some, from before the tree stood still.
    std::map<std::string, ExtendedAttributes> attributes_;
    // What write_ahead() has written, by path.
    std::map<std::string, Captured> ahead_;
    FrameIndex index_ahead_;
    std::size_t entries_ = 0;
    std::uint64_t hashed_frozen_ = 0;
    std::set<std::pair<FileId, pid_t>> warned_of_;
    // Said once the tree runs again.
    std::vector<Said> warnings_;
};

} // namespace cedana
