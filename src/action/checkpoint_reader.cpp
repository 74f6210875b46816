// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/checkpoint_reader.hpp"

#include "cedana/archive/checksums.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/memory.hpp"
#include "cedana/base/text.hpp"
#include "cedana/process/written_files.hpp"

#include <algorithm>
#include <cerrno>
#include <limits>

#include <spdlog/fmt/fmt.h>

#include <unistd.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t k_mib = 1024UL * 1024;
// A tree of 100,000 processes has a manifest of about 50 MiB.
constexpr std::size_t k_manifest_limit = 64 * k_mib;
// Decompressing further ahead of CRIU than this gains nothing.
constexpr std::uint64_t k_most_ahead = 256 * k_mib;

const fs::path& existing(const fs::path& path) {
    if (::access(path.c_str(), F_OK) != 0) {
        const int err = errno;
        throw Error(Fault::usage,
                    fmt::format("there is no checkpoint {}: {}", printable(path.string()), errno_text(err)));
    }
    return path;
}

std::uint64_t read_ahead_bound(const Config& config) {
    if (config.archive_buffer_mib != 0)
        return static_cast<std::uint64_t>(config.archive_buffer_mib) * k_mib;
    return std::min(k_most_ahead, available_memory() / 4);
}

CheckpointState trusted_state(const ZipReader& zip, const Keyring& keyring) {
    CheckpointState state = read_state(zip, keyring);
    keyring.require_trusted(zip, state.signature);
    return state;
}

} // namespace

CheckpointState read_state(const ZipReader& zip, const Keyring& keyring) {
    if (zip.find(k_manifest_entry) == nullptr)
        throw Error(Fault::checkpoint, fmt::format("{} is not a checkpoint: it has no {}",
                                                   printable(zip.path().string()), k_manifest_entry));
    CheckpointState state{.text = zip.read(k_manifest_entry, k_manifest_limit)};
    state.signature = keyring.look(zip, state.text);
    return state;
}

Checkpoint::Checkpoint(const fs::path& path, const Keyring& keyring)
    : zip_(existing(path)), state_(trusted_state(zip_, keyring)), manifest_(parse_manifest(state_.text)),
      index_(read_index(read_trusted(k_index_entry))), files_index_(read_files_index()) {
    require_counts();
    refuse_strange_entries();
    refuse_strange_files();
}

std::string Checkpoint::read_trusted(const char* name) const {
    const auto digest = manifest_.digests.find(name);
    std::string content = zip_.read(name, k_text_limit);
    if (digest == manifest_.digests.end() || hex(sha256(std::string_view(content))) != digest->second)
        throw Error(Fault::checkpoint, fmt::format("{} is damaged: {} does not have the digest that the manifest gives",
                                                   printable(zip_.path().string()), name));
    return content;
}

// The manifest and the index of the files name the same entries with the same sizes.
FrameIndex Checkpoint::read_files_index() const {
    const auto is_copied = [](const CapturedFile& file) { return !file.entry.empty(); };
    const auto copied = static_cast<std::size_t>(std::ranges::count_if(manifest_.files, is_copied));
    if (copied == 0)
        return {};
    FrameIndex index = read_index(read_trusted(k_files_index_entry));
    const auto is_right = [&](const CapturedFile& file) {
        const ImageRecord* const record = index.find(file.entry);
        return !is_copied(file) || (record != nullptr && record->size == file.size);
    };
    if (index.images.size() != copied || !std::ranges::all_of(manifest_.files, is_right))
        throw Error(Fault::checkpoint, fmt::format("{} does not hold the captured files that its manifest lists",
                                                   printable(zip_.path().string())));
    return index;
}

void Checkpoint::refuse_strange_entries() const {
    const auto is_listed = [](const FrameIndex& index, std::string_view folder, std::string_view name) {
        return name.starts_with(folder) && index.find(name.substr(folder.size())) != nullptr;
    };
    for (const EntryInfo& entry : zip_.entries()) {
        const bool listed =
            is_listed(index_, k_images_folder, entry.name) || is_listed(files_index_, k_files_folder, entry.name);
        const bool vouches = entry.name == k_manifest_entry || entry.name == k_signature_entry;
        if (!listed && !vouches && !manifest_.digests.contains(entry.name))
            throw Error(Fault::checkpoint, fmt::format("{} has an entry that its manifest does not know: {}",
                                                       printable(zip_.path().string()), printable(entry.name)));
    }
}

// What decompresses to more than the manifest says fills the memory of whoever believed it.
void Checkpoint::require_counts() const {
    std::uint64_t bytes = 0;
    for (const ImageRecord& image : index_.images)
        if (__builtin_add_overflow(bytes, image.size, &bytes))
            bytes = std::numeric_limits<std::uint64_t>::max();
    if (index_.images.size() != manifest_.images || bytes != manifest_.bytes_images)
        throw Error(Fault::checkpoint,
                    fmt::format("{} is damaged: it has {} images of {} bytes, and its manifest lists {} of {}",
                                printable(zip_.path().string()), index_.images.size(), bytes, manifest_.images,
                                manifest_.bytes_images));
}

// A dump captures no file of the kernel's: to write there is to give the kernel orders.
void Checkpoint::refuse_strange_files() const {
    for (const CapturedFile& file : manifest_.files)
        if (!is_kept_by_file_system(file.path))
            throw Error(Fault::checkpoint,
                        fmt::format("{} is not safe to use: it wants to put {} back, which no file system keeps",
                                    printable(zip_.path().string()), printable(file.path)));
}

std::string Checkpoint::manifest_digest() const { return hex(sha256(zip_.read(k_manifest_entry, k_manifest_limit))); }

CheckpointImages::CheckpointImages(const Checkpoint& checkpoint, const Config& config, Progress& progress,
                                   ImageParts parts)
    : reader_(checkpoint.zip(), checkpoint.index(),
              {.threads = static_cast<unsigned>(config.archive_threads),
               .buffer = read_ahead_bound(config),
               .folder = k_images_folder,
               .parts = std::move(parts)}),
      progress_(progress), total_(checkpoint.manifest().bytes_images) {
    reader_.read_ahead();
}

} // namespace cedana
