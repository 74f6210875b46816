// SPDX-License-Identifier: Apache-2.0
#include "cedana/checkpoint/reader.hpp"

#include "cedana/archive/sealed_text.hpp"
#include "cedana/base/checksums.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/memory.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/units.hpp"
#include "cedana/keys/envelope.hpp"
#include "cedana/keys/signature.hpp"
#include "cedana/process/written_files.hpp"

#include <algorithm>
#include <cerrno>
#include <limits>
#include <set>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <unistd.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

// A tree of 100,000 processes has a manifest of about 50 MiB.
constexpr std::size_t k_manifest_limit = 64 * k_mib;
// Decompressing further ahead of CRIU than this gains nothing.
constexpr std::uint64_t k_most_ahead = 256 * k_mib;

const fs::path& existing(const fs::path& path) {
    if (::access(path.c_str(), F_OK) != 0) {
        const int err = errno;
        if (err == EACCES)
            throw Error(Fault::permission,
                        fmt::format("cannot read the checkpoint {}: {}", printable(path.string()), errno_text(err)));
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

std::string read_with_digest(const ZipReader& zip, const std::string& name,
                             const std::map<std::string, std::string>& digests, std::size_t limit) {
    const auto digest = digests.find(name);
    std::string content = zip.read(name, limit);
    if (digest == digests.end() || hex(sha256(std::string_view(content))) != digest->second)
        throw Error(Fault::checkpoint, fmt::format("{} is damaged: {} does not have the digest that the manifest gives",
                                                   printable(zip.path().string()), printable(name)));
    return content;
}

std::string open_entry(const ZipReader& zip, const Seal& seal, const std::string& name, const std::string& sealed,
                       std::size_t limit) {
    try {
        return open_text(seal, name, sealed, limit);
    } catch (const Error& error) {
        if (error.fault() != Fault::checkpoint)
            throw;
        throw Error(Fault::checkpoint,
                    fmt::format("{} is damaged: {}", printable(zip.path().string()), error.message()));
    }
}

bool is_encrypted(const ZipReader& zip) { return zip.find(k_sealed_manifest_entry) != nullptr; }

struct Unsealed {
    Envelope envelope;
    std::shared_ptr<const Seal> seal;
    // Of the manifest.
    std::string text;
};

Unsealed unseal(const ZipReader& zip, const CheckpointState& state, const Keyring& keyring) {
    Unsealed unsealed{.envelope = parse_envelope(state.text), .seal = nullptr, .text = {}};
    unsealed.seal = keyring.open(zip.path(), unsealed.envelope);
    const std::string stored =
        read_with_digest(zip, k_sealed_manifest_entry, unsealed.envelope.digests, k_manifest_limit);
    unsealed.text = open_entry(zip, *unsealed.seal, k_sealed_manifest_entry, stored, k_manifest_limit);
    return unsealed;
}

CheckpointState trusted_state(const ZipReader& zip, const Keyring& keyring) {
    CheckpointState state = read_state(zip, keyring);
    keyring.require_trusted(zip.path(), state.signature);
    return state;
}

} // namespace

CheckpointState read_state(const ZipReader& zip, const Keyring& keyring) {
    if (zip.find(k_manifest_entry) == nullptr)
        throw Error(Fault::checkpoint, fmt::format("{} is not a checkpoint: it has no {}",
                                                   printable(zip.path().string()), k_manifest_entry));
    CheckpointState state{.text = zip.read(k_manifest_entry, k_manifest_limit)};
    if (zip.find(k_signature_entry) != nullptr)
        state.signature =
            keyring.check_signature(zip.path(), zip.read(k_signature_entry, k_signature_limit), state.text);
    return state;
}

std::string manifest_text(const ZipReader& zip, const CheckpointState& state, const Keyring& keyring) {
    return is_encrypted(zip) ? unseal(zip, state, keyring).text : state.text;
}

OpenedManifest open_manifest(const ZipReader& zip, const CheckpointState& state, const Keyring& keyring) {
    if (!is_encrypted(zip)) {
        Manifest manifest = parse_manifest(state.text);
        auto digests = manifest.digests;
        return {.seal = nullptr, .manifest = std::move(manifest), .digests = std::move(digests)};
    }
    Unsealed unsealed = unseal(zip, state, keyring);
    return {.seal = std::move(unsealed.seal),
            .manifest = parse_manifest(unsealed.text),
            .digests = std::move(unsealed.envelope.digests)};
}

Checkpoint::Checkpoint(const fs::path& path, const Keyring& keyring)
    : zip_(existing(path)), state_(trusted_state(zip_, keyring)), opened_(open_manifest(zip_, state_, keyring)),
      index_(read_index(read_trusted(k_index_entry), opened_.seal)), files_index_(read_files_index()),
      sums_(read_sums()) {
    require_counts();
    refuse_strange_entries();
    refuse_strange_files();
}

std::string Checkpoint::read_trusted(const std::string& name) const {
    std::string stored = read_with_digest(zip_, name, opened_.digests, k_text_limit);
    return opened_.seal ? open_entry(zip_, *opened_.seal, name, stored, k_text_limit) : stored;
}

std::optional<std::string> Checkpoint::text(const std::string& name) const {
    return opened_.digests.contains(name) ? std::optional(read_trusted(name)) : std::nullopt;
}

void Checkpoint::check_texts() const {
    for (const auto& [name, digest] : opened_.digests)
        static_cast<void>(read_trusted(name));
}

// The manifest and the index of the files name the same entries with the same sizes.
FrameIndex Checkpoint::read_files_index() const {
    const auto is_copied = [](const CapturedFile& file) { return !file.entry.empty(); };
    const auto copied = static_cast<std::size_t>(std::ranges::count_if(opened_.manifest.files, is_copied));
    const std::vector<std::string>& superseded = opened_.manifest.superseded_files;
    if (copied == 0 && superseded.empty())
        return {};
    FrameIndex index = read_index(read_trusted(k_files_index_entry), opened_.seal);
    const auto is_right = [&](const CapturedFile& file) {
        const ImageRecord* const record = index.find(file.entry);
        return !is_copied(file) || (record != nullptr && record->size == file.size);
    };
    const auto counts_no_more = [&](const std::string& entry) {
        return index.find(entry) != nullptr &&
               std::ranges::count(opened_.manifest.files, entry, &CapturedFile::entry) == 0;
    };
    if (index.images.size() != copied + superseded.size() || !std::ranges::all_of(opened_.manifest.files, is_right) ||
        !std::ranges::all_of(superseded, counts_no_more))
        throw Error(Fault::checkpoint, fmt::format("{} does not hold the captured files that its manifest lists",
                                                   printable(zip_.path().string())));
    return index;
}

void Checkpoint::refuse_strange_entries() const {
    std::set<std::string> known = {k_manifest_entry, k_signature_entry};
    for (const auto& [name, digest] : opened_.digests)
        known.insert(name);
    // Of sealed ones several could name one entry.
    const auto add = [&](const FrameIndex& index, const char* folder) {
        for (const ImageRecord& image : index.images)
            if (!known.insert(image.entry_name(folder)).second)
                throw Error(Fault::checkpoint, fmt::format("{} is not safe to use: two of its images are one entry",
                                                           printable(zip_.path().string())));
    };
    add(index_, k_images_folder);
    add(files_index_, k_files_folder);
    for (const EntryInfo& entry : zip_.entries())
        if (!known.contains(entry.name))
            throw Error(Fault::checkpoint, fmt::format("{} has an entry that its manifest does not know: {}",
                                                       printable(zip_.path().string()), printable(entry.name)));
}

// What decompresses to more than the manifest says fills the memory of whoever believed it.
void Checkpoint::require_counts() const {
    std::uint64_t bytes = 0;
    for (const ImageRecord& image : index_.images)
        if (__builtin_add_overflow(bytes, image.size, &bytes))
            bytes = std::numeric_limits<std::uint64_t>::max();
    if (index_.images.size() != opened_.manifest.images || bytes != opened_.manifest.bytes_images)
        throw Error(Fault::checkpoint,
                    fmt::format("{} is damaged: it has {} images of {} bytes, and its manifest lists {} of {}",
                                printable(zip_.path().string()), index_.images.size(), bytes, opened_.manifest.images,
                                opened_.manifest.bytes_images));
}

// A dump captures no file of the kernel's: to write there is to give the kernel orders.
void Checkpoint::refuse_strange_files() const {
    for (const CapturedFile& file : opened_.manifest.files)
        if (!is_kept_by_file_system(file.path))
            throw Error(Fault::checkpoint,
                        fmt::format("{} is not safe to use: it wants to put {} back, which no file system keeps",
                                    printable(zip_.path().string()), printable(file.path)));
}

// Absent in older checkpoints.
std::optional<FrameSums> Checkpoint::read_sums() const {
    if (state_.signature.by != SignedBy::nobody || opened_.seal || !opened_.digests.contains(k_sums_entry))
        return std::nullopt;
    return cedana::read_sums(read_trusted(k_sums_entry), index_);
}

std::string Checkpoint::manifest_digest() const { return hex(sha256(std::string_view(state_.text))); }

CheckpointImages::CheckpointImages(const Checkpoint& checkpoint, const Config& config, ImageParts parts)
    : ImageReader(checkpoint.zip(), checkpoint.index(),
                  {.threads = static_cast<unsigned>(config.archive_threads),
                   .buffer = read_ahead_bound(config),
                   .folder = k_images_folder,
                   .parts = std::move(parts),
                   .sums = checkpoint.sums()}) {
    read_ahead();
}

} // namespace cedana
