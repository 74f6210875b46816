// SPDX-License-Identifier: Apache-2.0
#include "cedana/keys/keygen.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/system_names.hpp"
#include "cedana/base/text.hpp"
#include "cedana/keys/key_file.hpp"
#include "cedana/keys/key_slots.hpp"
#include "cedana/keys/signature.hpp"

#include <cerrno>
#include <span>
#include <string>
#include <system_error>

#include <spdlog/fmt/fmt.h>

#include <sys/stat.h>
#include <unistd.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

constexpr const char* k_usual_folder = "/etc/cedana";

fs::path public_name(const fs::path& file) { return file.string() + ".pub"; }

void make_pair(KeyKind kind, const SecretBytes& secret, const PublicKey& published, const fs::path& file) {
    const std::string line = public_line(kind, published) + "\n";
    create_key_file(KeyFile::published, public_name(file), std::as_bytes(std::span(line)));
    RemoveOnFailure half(public_name(file));
    create_key_file(KeyFile::secret, file, private_line(kind, secret).bytes());
    half.commit();
}

// The folder of the package's own settings, which a build that was installed by itself does not have.
void make_usual_folder(const fs::path& folder) {
    if (folder != k_usual_folder || ::mkdir(folder.c_str(), 0755) == 0 || errno == EEXIST)
        return;
    throw OsFailure(Fault::storage).error("cannot make the folder {}", folder.string());
}

void require_folder_of(const fs::path& file) {
    std::error_code ignored;
    if (!fs::exists(file.parent_path(), ignored) && !ignored)
        throw Error(Fault::storage, fmt::format("there is no folder {}", printable(file.parent_path().string())))
            .hint(fmt::format("mkdir -p {}", shell_word(file.parent_path().string())));
}

void make_files(KeyUse use, const fs::path& file, const std::string& comment) {
    make_usual_folder(file.parent_path());
    require_folder_of(file);
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
