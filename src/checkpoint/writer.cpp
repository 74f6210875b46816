// SPDX-License-Identifier: Apache-2.0
#include "cedana/checkpoint/writer.hpp"

#include "cedana/archive/sealed_text.hpp"
#include "cedana/base/memory.hpp"
#include "cedana/base/stopwatch.hpp"
#include "cedana/base/units.hpp"
#include "cedana/criu/log.hpp"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

namespace cedana {

namespace {

// Some hundred kilobytes, which deflate makes a third smaller with it.
constexpr int k_level_of_texts = 9;

Method method_of(Compression compression) {
    switch (compression) {
    case Compression::zstd:
        return Method::zstd;
    case Compression::deflate:
        return Method::deflate;
    case Compression::none:
        break;
    }
    return Method::store;
}

// Images hold the pages that are the tree's own, a little about each mapping, and of each process a frame that is not
// full.
std::uint64_t touched_bytes(const BufferSize& buffer) {
    const std::uint64_t wanted = buffer.expected + std::min(buffer.expected / 8, buffer.expected / 32 + 8 * k_mib);
    return std::min(wanted, buffer.bound);
}

} // namespace

// A quarter of what is available, so that neither this process nor the tree is the one that memory runs out for.
std::uint64_t buffer_bound(const Config& config) {
    return config.archive_buffer_mib != 0 ? static_cast<std::uint64_t>(config.archive_buffer_mib) * k_mib
                                          : available_memory() / 4;
}

CheckpointWriter::CheckpointWriter(const Config& config, const std::filesystem::path& folder, const std::string& stem,
                                   BufferSize buffer, std::optional<Encryption> encryption)
    : config_(config), encryption_(std::move(encryption)), pending_(folder, stem),
      zip_(pending_.fd(), pending_.partial()), pool_(buffer.bound, touched_bytes(buffer)),
      images_(zip_, pool_, options(k_images_folder)) {}

void CheckpointWriter::bound_anew() {
    if (config_.archive_buffer_mib == 0)
        pool_.bound_untouched(available_memory() / 4);
}

ImageWriterOptions CheckpointWriter::options(const char* folder) const {
    return {.method = method_of(config_.archive_compression),
            .level = static_cast<int>(config_.archive_level),
            .threads = static_cast<unsigned>(config_.archive_threads),
            .folder = folder,
            .seal = encryption_ ? encryption_->seal : nullptr};
}

void CheckpointWriter::write_ahead(const std::function<void(ImageSink&)>& fill, const Interrupt& interrupt,
                                   Progress& progress) {
    ImageWriterOptions ahead_options = options(k_images_folder);
    ahead_options.flowing = {""};
    ImageWriter archive(zip_, pool_, std::move(ahead_options));
    archive.compress_now();
    fill(archive);
    ahead_.images.merge(archive.finish(interrupt, &progress).images);
    sums_ahead_.add(archive.sums());
}

void CheckpointWriter::write_files_ahead(FileCapture& files, const WrittenFiles& written, const Interrupt& interrupt) {
    ImageWriterOptions file_options = options(k_files_folder);
    file_options.flowing = {""};
    ImageWriter archive(zip_, pool_, std::move(file_options));
    files_ahead_ = files.write_ahead(written, archive, interrupt);
}

NamedEntry CheckpointWriter::text_entry(const std::string& name, const std::string& content, Manifest& manifest) {
    if (!encryption_) {
        manifest.digests[name] = hex(sha256(std::string_view(content)));
        return {.name = name, .source = memory_entry(content, Method::deflate, k_level_of_texts)};
    }
    const std::string sealed = seal_text(*encryption_->seal, name, content);
    encryption_->envelope.digests[name] = hex(sha256(std::string_view(sealed)));
    return {.name = name, .source = memory_entry(sealed, Method::store, 0)};
}

// Captured files go the way of images, once those are all written; their index.
std::vector<NamedEntry> CheckpointWriter::add_files(FileCapture& files, Manifest& manifest,
                                                    const Interrupt& interrupt) {
    std::vector<NamedEntry> entries;
    if (files.has_content()) {
        ImageWriterOptions file_options = options(k_files_folder);
        file_options.flowing = {""};
        ImageWriter archive(zip_, pool_, std::move(file_options));
        FrameIndex index = files.write(archive, interrupt);
        index.images.merge(files_ahead_.images);
        entries.push_back(text_entry(k_files_index_entry, write_index(index), manifest));
    }
    manifest.superseded_files = files.superseded();
    if (!manifest.superseded_files.empty())
        manifest.required_features.emplace_back(k_superseded_files);
    manifest.files = files.describe(interrupt);
    return entries;
}

// checkpoint_state.json, what it leads to, and its signature, which is the last entry.
std::vector<NamedEntry> CheckpointWriter::state_entries(Manifest manifest) {
    std::vector<NamedEntry> entries;
    std::string state = write_manifest(manifest);
    if (encryption_) {
        entries.push_back(text_entry(k_sealed_manifest_entry, state, manifest));
        state = write_envelope(encryption_->envelope);
    }
    entries.push_back({.name = k_manifest_entry, .source = memory_entry(state, Method::deflate, k_level_of_texts)});
    if (signing_key_ != nullptr)
        entries.push_back(
            {.name = k_signature_entry, .source = memory_entry(signing_key_->sign(state), Method::store, 0)});
    return entries;
}

std::filesystem::path CheckpointWriter::finish(Manifest manifest, FileCapture& files,
                                               const std::filesystem::path& criu_log, const Interrupt& interrupt,
                                               Progress& progress) {
    Stopwatch watch;
    FrameIndex index = images_.finish(interrupt, &progress);
    index.images.merge(ahead_.images);
    std::vector<NamedEntry> entries = add_files(files, manifest, interrupt);
    watch.lap("compress");
    manifest.timings.insert(watch.phases().begin(), watch.phases().end());
    manifest.images = index.images.size();
    for (const ImageRecord& image : index.images)
        manifest.bytes_images += image.size;
    for (const auto& [name, content] : texts_)
        entries.push_back(text_entry(name, content, manifest));
    entries.push_back(text_entry(k_dump_log_entry, read_log(criu_log), manifest));
    entries.push_back(text_entry(k_index_entry, write_index(index), manifest));
    // Each frame of an encrypted one proves itself.
    if (!encryption_) {
        FrameSums sums = images_.sums();
        sums.add(sums_ahead_);
        entries.push_back(text_entry(k_sums_entry, write_sums(sums), manifest));
    }
    std::ranges::move(state_entries(std::move(manifest)), std::back_inserter(entries));
    zip_.write(std::move(entries));
    interrupt.throw_if_pending();
    if (before_publish_)
        before_publish_(pending_.partial());
    return pending_.publish();
}

} // namespace cedana
