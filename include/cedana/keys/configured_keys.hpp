// SPDX-License-Identifier: Apache-2.0
// The keys in the files that the settings of the group `security` name. All throw Error(Fault::usage) for a file that
// is not there or holds no such key, and Error(Fault::permission) for one that others may do too much with.
#pragma once

#include "cedana/base/secret_bytes.hpp"
#include "cedana/keys/key_text.hpp"
#include "cedana/keys/signature.hpp"
#include "cedana/model/config.hpp"

#include <optional>
#include <vector>

namespace cedana {

// None where the setting is empty.
[[nodiscard]] std::vector<PublicKey> read_trusted_keys(const Config& config);
[[nodiscard]] std::vector<PublicKey> read_recipients(const Config& config);
[[nodiscard]] std::optional<SigningKey> read_signing_key(const Config& config);
// Empty where the setting is.
[[nodiscard]] SecretBytes read_encryption_key(const Config& config);
[[nodiscard]] SecretBytes read_identity(const Config& config);

} // namespace cedana
