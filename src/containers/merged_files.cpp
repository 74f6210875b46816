// SPDX-License-Identifier: Apache-2.0
#include "cedana/containers/merged_files.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/units.hpp"

#include <cstddef>
#include <map>
#include <span>

#include <sys/stat.h>

#include "tar_entry.hpp"
#include "tar_reader.hpp"

namespace cedana::containers {

namespace {

class MergingFiles {
  public:
    MergingFiles(const MergedFiles& files, ImageSource& source, TarWriter& archive, const Interrupt& interrupt)
        : files_(files), source_(source), archive_(archive), interrupt_(interrupt) {}

    std::vector<std::string> run() {
        if (source_.exists(files_.images.since))
            read_names();
        copy(files_.images.ahead, [this](const TarEntry& entry) { return is_outdated(entry); });
        if (source_.exists(files_.images.since))
            copy(files_.images.since, [](const TarEntry&) { return false; });
        std::vector<std::string> left;
        for (const std::string& path : files_.removed)
            if (!put_.contains(path))
                left.push_back(path);
        return left;
    }

  private:
    void read_names() {
        TarReader since(source_, files_.images.since, interrupt_);
        while (archive_entry* const entry = since.next()) {
            const TarEntry read = read_tar_entry(entry);
            since_[read.name] = S_ISDIR(read.info.st_mode);
        }
    }

    // A folder stays: what is in it may be in the first archive alone.
    [[nodiscard]] bool is_outdated(const TarEntry& entry) const {
        if (files_.outdated.contains(entry.name))
            return true;
        const auto later = since_.find(entry.name);
        return later != since_.end() && !(later->second && S_ISDIR(entry.info.st_mode));
    }

    template <typename IsLeftOut>
    void copy(const std::string& image, IsLeftOut is_left_out) {
        TarReader reader(source_, image, interrupt_);
        while (archive_entry* const read = reader.next()) {
            interrupt_.throw_if_pending();
            const TarEntry entry = read_tar_entry(read);
            if (!is_left_out(entry))
                put(entry, reader);
        }
    }

    void put(const TarEntry& entry, TarReader& reader) {
        // Whoever has another name of the same file has changed it too.
        if (!entry.same_as.empty() && !put_.contains(entry.same_as))
            throw Error(Fault::checkpoint,
                        fmt::format("the container's file /{} is the same as one that the checkpoint does not have",
                                    printable(entry.name)));
        put_folders_above(entry.name);
        const bool is_new = put_.insert(entry.name).second;
        if (S_ISDIR(entry.info.st_mode) && is_new && files_.removed.contains(entry.name))
            empty_folder_of_image(entry);
        archive_.begin(entry);
        if (!S_ISREG(entry.info.st_mode) || !entry.same_as.empty())
            return;
        while (true) {
            const std::span<const std::byte> bytes = reader.read_some(buffer_);
            if (bytes.empty())
                return;
            archive_.append(bytes, entry.name);
        }
    }

    // Where the archives do not have the folder that took the place of the image's (podman's own do not).
    void put_folders_above(const std::string& path) {
        for (std::size_t slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
            TarEntry folder{.name = path.substr(0, slash)};
            if (!files_.removed.contains(folder.name) || !put_.insert(folder.name).second)
                continue;
            folder.info.st_mode = S_IFDIR | 0755;
            folder.info.st_nlink = 1;
            empty_folder_of_image(folder);
            archive_.begin(folder);
        }
    }

    // A file of its name takes the place of the image's folder, and the folder that of the file.
    void empty_folder_of_image(const TarEntry& folder) {
        TarEntry file{.name = folder.name};
        file.info.st_mode = S_IFREG | 0600;
        file.info.st_nlink = 1;
        archive_.begin(file);
    }

    const MergedFiles& files_;
    ImageSource& source_;
    TarWriter& archive_;
    const Interrupt& interrupt_;
    std::vector<std::byte> buffer_ = std::vector<std::byte>(k_mib);
    // Of the second archive: whether it is a folder.
    std::map<std::string, bool> since_;
    std::set<std::string> put_;
};

} // namespace

std::vector<std::string> write_merged_files(const MergedFiles& files, ImageSource& source, TarWriter& archive,
                                            const Interrupt& interrupt) {
    return MergingFiles(files, source, archive, interrupt).run();
}

} // namespace cedana::containers
