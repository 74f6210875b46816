// SPDX-License-Identifier: Apache-2.0
// Passphrases: asked for on the terminal, or read from a descriptor. Never an argument or a variable of the
// environment, which others can see in /proc.
#pragma once

#include "cedana/base/secret_bytes.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/cli/commands.hpp"
#include "cedana/keys/keyring.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace cedana {

enum class PassphraseFor { encrypting, decrypting };

struct PassphraseArguments {
    std::optional<int> fd = std::nullopt;
    // To encrypt with one that is asked for.
    bool ask = false;
};

// --passphrase-fd N, of a command that reads checkpoints; of a dump --passphrase beside it.
[[nodiscard]] std::vector<Option> passphrase_options(PassphraseArguments& arguments, PassphraseFor use);

// Of a dump: null if there is to be none. Asked for twice. Throws Error(Fault::usage) if it is empty, longer than 1
// KiB, not twice the same, or if there is no terminal; Error(Fault::interrupted).
[[nodiscard]] std::shared_ptr<const SecretBytes> new_passphrase(const PassphraseArguments& arguments,
                                                                const Interrupt& interrupt);

// The keys of the settings, and the passphrase of the descriptor, or else of the terminal if a checkpoint needs one.
// `interrupt` must outlive it.
[[nodiscard]] Keyring keyring_of(const Config& config, const PassphraseArguments& arguments,
                                 const Interrupt& interrupt);

} // namespace cedana
