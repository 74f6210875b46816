// SPDX-License-Identifier: Apache-2.0
// The keys of a run, as the settings of the group `security` name them: whose checkpoints it takes, and which encrypted
// ones it can read. Key files are read once, here. Copies share the keys.
#pragma once

#include "cedana/base/secret_bytes.hpp"
#include "cedana/keys/envelope.hpp"
#include "cedana/keys/key_text.hpp"
#include "cedana/model/config.hpp"

#include <filesystem>
#include <functional>
#include <memory>
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

// Asked at most once, for the first checkpoint that nothing else opens. Empty: there is nobody to ask.
using PassphraseSource = std::function<SecretBytes()>;

class Keyring {
  public:
    // Takes checkpoints from anybody, and opens no encrypted one.
    Keyring() = default;
    // Throws Error(Fault::usage) for a file that is not there or holds no key, Error(Fault::permission) for one that
    // others may do too much with.
    explicit Keyring(const Config& config, PassphraseSource source = {});
    // With a passphrase that is known.
    Keyring(const Config& config, SecretBytes passphrase);

    // Opens one checkpoint alone: the one whose data key this is.
    [[nodiscard]] static Keyring of_data_key(SecretBytes data_key);

    // The same, for what must not wait for somebody.
    [[nodiscard]] Keyring without_asking() const;
    [[nodiscard]] bool may_ask() const;

    // Whether a checkpoint must be signed.
    [[nodiscard]] bool is_strict() const noexcept { return !trusted_.empty(); }
    [[nodiscard]] const std::vector<PublicKey>& trusted() const noexcept { return trusted_; }
    // Who signed `checkpoint`: `signature` is the content of its entry k_signature_entry, and `state` that of
    // checkpoint_state.json, which it signs. Throws Error(Fault::checkpoint) if they do not fit each other.
    [[nodiscard]] SignatureState check_signature(const std::filesystem::path& checkpoint, std::string_view signature,
                                                 std::string_view state) const;
    // Throws Error(Fault::checkpoint) if whoever signed it is not to be trusted.
    void require_trusted(const std::filesystem::path& checkpoint, const SignatureState& state) const;

    // What decrypts. From any thread. Throws Error(Fault::permission) if no key here opens it, with those that would;
    // Error(Fault::checkpoint) if the envelope is damaged.
    [[nodiscard]] std::shared_ptr<const Seal> open(const std::filesystem::path& checkpoint,
                                                   const Envelope& envelope) const;

  private:
    struct Secrets;

    std::string trusted_file_;
    std::vector<PublicKey> trusted_;
    std::shared_ptr<Secrets> secrets_;
    bool asks_ = true;
};

} // namespace cedana
