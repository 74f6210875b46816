// SPDX-License-Identifier: Apache-2.0
// A checkpoint that is to be used: opened, looked through and trusted as far as its manifest goes, before anything is
// done with it. And its images as CRIU asks for them.
#pragma once

#include "cedana/archive/frame_index.hpp"
#include "cedana/archive/image_reader.hpp"
#include "cedana/archive/zip_reader.hpp"
#include "cedana/keys/keyring.hpp"
#include "cedana/keys/seal.hpp"
#include "cedana/model/config.hpp"
#include "cedana/model/manifest.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace cedana {

// More than any entry of text has: a terabyte of memory gives an index of about 100 MiB.
inline constexpr std::size_t k_text_limit = 512UL * 1024 * 1024;

// checkpoint_state.json, and who vouches for it: the manifest, or the envelope of an encrypted checkpoint.
struct CheckpointState {
    std::string text;
    SignatureState signature = {};
};
// Parses nothing. Throws Error(Fault::checkpoint) if there is none, or if it is not what was signed.
[[nodiscard]] CheckpointState read_state(const ZipReader& zip, const Keyring& keyring);

// The text of the manifest, which the state is or leads to. Throws as open_manifest() does.
[[nodiscard]] std::string manifest_text(const ZipReader& zip, const CheckpointState& state, const Keyring& keyring);

// What the state leads to.
struct OpenedManifest {
    // Null if the checkpoint is not encrypted.
    std::shared_ptr<const Seal> seal;
    Manifest manifest;
    // Entry → SHA-256 of what is stored there, in hexadecimal; of all that are neither image nor captured file.
    std::map<std::string, std::string> digests;
};
// Decrypts if need be. Throws Error(Fault::checkpoint) for what is no manifest, Error(Fault::permission) if no key of
// `keyring` opens it.
[[nodiscard]] OpenedManifest open_manifest(const ZipReader& zip, const CheckpointState& state, const Keyring& keyring);

class Checkpoint {
  public:
    // Throws Error(Fault::checkpoint) for what is no checkpoint, damaged, unsafe or, by `keyring`, of somebody who is
    // not trusted, and Error(Fault::usage) if there is no such file.
    Checkpoint(const std::filesystem::path& path, const Keyring& keyring);

    // The bytes of checkpoint_state.json.
    [[nodiscard]] const std::string& state_text() const noexcept { return state_.text; }
    [[nodiscard]] const SignatureState& signature() const noexcept { return state_.signature; }

    // What decrypts it; null if it is not encrypted.
    [[nodiscard]] const Seal* seal() const noexcept { return opened_.seal.get(); }
    [[nodiscard]] bool is_encrypted() const noexcept { return opened_.seal != nullptr; }
    [[nodiscard]] const Manifest& manifest() const noexcept { return opened_.manifest; }
    // SHA-256 of the state, hexadecimal: whoever knows it knows all of the checkpoint.
    [[nodiscard]] std::string manifest_digest() const;
    [[nodiscard]] const FrameIndex& index() const noexcept { return index_; }
    // Of the captured files' entries.
    [[nodiscard]] const FrameIndex& files_index() const noexcept { return files_index_; }
    // By which accidents to frames of images are found, where no signature vouches for their digests; else null.
    [[nodiscard]] const FrameSums* sums() const noexcept { return sums_ ? &*sums_ : nullptr; }
    [[nodiscard]] const ZipReader& zip() const noexcept { return zip_; }
    // An entry that is neither, whole, its digest compared; absent if there is none. Throws Error(Fault::checkpoint).
    [[nodiscard]] std::optional<std::string> text(const std::string& name) const;
    // Reads all entries that are neither image nor captured file, and compares their digests; what is missing is
    // missed.
    void check_texts() const;

  private:
    [[nodiscard]] std::string read_trusted(const std::string& name) const;
    [[nodiscard]] FrameIndex read_files_index() const;
    [[nodiscard]] std::optional<FrameSums> read_sums() const;
    void require_counts() const;
    void refuse_strange_entries() const;
    void refuse_strange_files() const;

    ZipReader zip_;
    CheckpointState state_;
    OpenedManifest opened_;
    FrameIndex index_;
    FrameIndex files_index_;
    std::optional<FrameSums> sums_;
};

// Its images as CRIU asks for them, decompressed ahead.
class CheckpointImages : public ImageReader {
  public:
    // `parts`: see ImageReaderOptions.
    CheckpointImages(const Checkpoint& checkpoint, const Config& config, ImageParts parts = {});
};

} // namespace cedana
