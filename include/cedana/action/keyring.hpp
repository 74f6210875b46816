// SPDX-License-Identifier: Apache-2.0
// The keys of a run, as the settings of the group `security` name them: whose checkpoints it takes, and what it signs
// with. Key files are read once, here.
#pragma once

#include "cedana/archive/key_text.hpp"
#include "cedana/archive/signature.hpp"
#include "cedana/archive/zip_reader.hpp"
#include "cedana/model/config.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cedana {

// unchecked: signed, and nothing says whom to trust.
enum class SignedBy { nobody, unchecked, trusted, other };

[[nodiscard]] std::string_view name_of(SignedBy signed_by);

struct SignatureState {
    SignedBy by = SignedBy::nobody;
    // Of the key; empty if nobody signed.
    std::string key_id = {};
};

class Keyring {
  public:
    // Takes checkpoints from anybody.
    Keyring() = default;
    // Throws Error(Fault::usage) for a file that is not there or holds no key, Error(Fault::permission) for one that
    // others may write to.
    explicit Keyring(const Config& config);

    // Whether a checkpoint must be signed.
    [[nodiscard]] bool is_strict() const noexcept { return !trusted_.empty(); }
    [[nodiscard]] const std::vector<PublicKey>& trusted() const noexcept { return trusted_; }
    // Who signed the archive, whose checkpoint_state.json holds `manifest`. Throws Error(Fault::checkpoint) if there is
    // a signature that does not fit it.
    [[nodiscard]] SignatureState look(const ZipReader& zip, std::string_view manifest) const;
    // Throws Error(Fault::checkpoint) if whoever signed it is not to be trusted.
    void require_trusted(const ZipReader& zip, const SignatureState& state) const;

  private:
    std::string trusted_file_;
    std::vector<PublicKey> trusted_;
};

// None if security.signing_key is empty. Throws as Keyring().
[[nodiscard]] std::optional<SigningKey> read_signing_key(const Config& config);

} // namespace cedana
