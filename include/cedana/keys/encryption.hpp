// SPDX-License-Identifier: Apache-2.0
// How a dump encrypts: the checkpoint's own random key, and a slot for each way to it that the settings and the user
// name.
#pragma once

#include "cedana/base/secret_bytes.hpp"
#include "cedana/keys/envelope.hpp"
#include "cedana/model/config.hpp"

#include <memory>
#include <optional>

namespace cedana {

struct Encryption {
    std::shared_ptr<const Seal> seal;
    // Its digests are still to come.
    Envelope envelope;
};

// None if nothing asks for it: neither security.encryption_key nor security.recipients is set, and there is no
// passphrase (null). A passphrase takes most of a second and 256 MiB. Throws Error as key_file.hpp does.
[[nodiscard]] std::optional<Encryption> prepare_encryption(const Config& config, const SecretBytes* passphrase);

} // namespace cedana
