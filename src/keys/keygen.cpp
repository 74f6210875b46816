// SPDX-License-Identifier: Apache-2.0
#include "cedana/keys/keygen.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/system_names.hpp"
#include "cedana/base/text.hpp"
#include "cedana/keys/key_file.hpp"
#include "cedana/keys/key_slots.hpp"
#include "cedana/keys/signature.hpp"

#include <span>
#include <string>

#include <spdlog/fmt/fmt.h>

#include <unistd.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

fs::path public_name(const fs::path& file) { return file.string() + ".pub"; }

void make_pair(KeyKind kind, const SecretBytes& secret, const PublicKey& published, const fs::path& file) {
    const std::string line = public_line(kind, published) + "\n";
    create_key_file(KeyFile::published, public_name(file), std::as_bytes(std::span(line)));
    RemoveOnFailure half(public_name(file));
    create_key_file(KeyFile::secret, file, private_line(kind, secret).bytes());
    half.commit();
}

void make_files(KeyUse use, const fs::path& file, const std::string& comment) {
    if (use == KeyUse::signing) {
        const SigningKey key = SigningKey::generate();
        make_pair(KeyKind::ed25519, key.seed(), {.bytes = key.public_key().bytes, .comment = comment}, file);
    } else if (use == KeyUse::recipient) {
        const SecretBytes identity = SecretBytes::random(k_key_size);
        make_pair(KeyKind::x25519, identity, {.bytes = recipient_of(identity).bytes, .comment = comment}, file);
    } else {
        create_key_file(KeyFile::secret, file, SecretBytes::random(k_key_size).bytes());
    }
    sync_folder(file.parent_path());
}

} // namespace

KeyFiles make_key(KeyUse use, const fs::path& file, const Caller& caller) {
    const fs::path path = fs::absolute(file).lexically_normal();
    const std::string comment = fmt::format("{}@{}", caller.name, system_names().host);
    try {
        static_cast<void>(with_rights_of(caller, [&] { return make_files(use, path, comment), std::string(); }));
    } catch (Error& error) {
        if (error.fault() == Fault::permission && acts_as_root_for(caller))
            error.hint(
                fmt::format("keys are made with the rights of the user behind sudo; to make it as root: sudo env "
                            "-u SUDO_USER cedana config keygen {}",
                            shell_word(path.string())));
        throw;
    }
    return {.secret = path, .published = use == KeyUse::encryption ? fs::path() : public_name(path)};
}

} // namespace cedana
