// SPDX-License-Identifier: Apache-2.0
// One checkpoint from its first byte to its final name: the images as CRIU streams them, then the log, the index, the
// manifest and what vouches for it. Joins the archive and the store, which know nothing of each other.
#pragma once

#include "cedana/archive/frame_pool.hpp"
#include "cedana/archive/frame_sums.hpp"
#include "cedana/archive/image_writer.hpp"
#include "cedana/archive/zip_writer.hpp"
#include "cedana/base/progress.hpp"
#include "cedana/checkpoint/file_capture.hpp"
#include "cedana/files/checkpoint_file.hpp"
#include "cedana/keys/encryption.hpp"
#include "cedana/keys/signature.hpp"
#include "cedana/model/config.hpp"
#include "cedana/model/manifest.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace cedana {

// How much memory a dump may run ahead of compression in, in bytes (archive.buffer_mib).
[[nodiscard]] std::uint64_t buffer_bound(const Config& config);

// Bytes.
struct BufferSize {
    // The most that it may take.
    std::uint64_t bound = 0;
    // About what comes: so much is touched, within the bound.
    std::uint64_t expected = 0;
};

class CheckpointWriter {
  public:
    // Begins the partial file in `folder`; memory is being touched from now on. `encryption`: none for a checkpoint
    // that anybody can read.
    CheckpointWriter(const Config& config, const std::filesystem::path& folder, const std::string& stem,
                     BufferSize buffer, std::optional<Encryption> encryption);

    // Readable once the memory is touched, or that has taken too long; -1: it is so little that nothing should wait.
    [[nodiscard]] int memory_ready() const noexcept { return pool_.is_worth_waiting() ? pool_.touched() : -1; }
    // Once it is: others may have taken memory since the bound was chosen. What was touched is ours; what was not must
    // still be there.
    void bound_anew();

    // Where CRIU's images go.
    [[nodiscard]] ImageSink& images() noexcept { return images_; }

    // As ImageWriter::pace(), of what the tree stands still for.
    void pace() { images_.pace(); }
    // Frames that need not be compressed again; must outlive this. Before the first image.
    void use(const FramesAhead& ahead) { images_.use(ahead); }

    // Images that are complete before the tree is frozen, written by `fill`: they are in the file when this returns,
    // and their memory is free again. Throws what `fill` throws, Error, Error(Fault::interrupted).
    void write_ahead(const std::function<void(ImageSink&)>& fill, const Interrupt& interrupt, Progress& progress);

    // The same of files that go with the tree (FileCapture::write_ahead()).
    void write_files_ahead(FileCapture& files, const WrittenFiles& written, const Interrupt& interrupt);

    // What the checkpoint is to be signed with; must outlive finish().
    void sign_with(const SigningKey& key) { signing_key_ = &key; }
    // One more entry, under its digest as every other one. Before finish().
    void add_text(std::string name, std::string content) { texts_[std::move(name)] = std::move(content); }
    // All that is written of the file goes there too. Before the first image.
    void copy_to(HearWritten copy) { zip_.copy_to(std::move(copy)); }
    // Called by finish() with the path of the complete file before that has its name; what it throws, finish() throws.
    void before_publish(std::function<void(const std::filesystem::path&)> check) { before_publish_ = std::move(check); }
    // Compresses what is left, adds captured files, CRIU's log, the index, the manifest (to which it adds digests,
    // sizes and the files) and its signature, and publishes; the checkpoint's path. Throws Error: no file with a final
    // name exists then.
    std::filesystem::path finish(Manifest manifest, FileCapture& files, const std::filesystem::path& criu_log,
                                 const Interrupt& interrupt, Progress& progress);

  private:
    [[nodiscard]] ImageWriterOptions options(const char* folder) const;
    // An entry that is neither image nor captured file. Its digest goes into the manifest, or into the envelope.
    [[nodiscard]] NamedEntry text_entry(const std::string& name, const std::string& content, Manifest& manifest);
    [[nodiscard]] std::vector<NamedEntry> add_files(FileCapture& files, Manifest& manifest, const Interrupt& interrupt);
    [[nodiscard]] std::vector<NamedEntry> state_entries(Manifest manifest);

    const Config& config_;
    std::optional<Encryption> encryption_;
    const SigningKey* signing_key_ = nullptr;
    std::map<std::string, std::string> texts_;
    std::function<void(const std::filesystem::path&)> before_publish_;
    PendingCheckpoint pending_;
    ZipWriter zip_;
    FramePool pool_;
    ImageWriter images_;
    FrameIndex ahead_;
    FrameIndex files_ahead_;
    FrameSums sums_ahead_;
};

} // namespace cedana
