// SPDX-License-Identifier: Apache-2.0
#include "cedana/checkpoint/sign.hpp"

#include "cedana/archive/zip_layout.hpp"
#include "cedana/archive/zip_writer.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/file_id.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/checkpoint/reader.hpp"
#include "cedana/files/partial_file.hpp"
#include "cedana/files/private_copy.hpp"
#include "cedana/files/verified_file.hpp"
#include "cedana/keys/configured_keys.hpp"
#include "cedana/keys/keyring.hpp"
#include "cedana/keys/signature.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

FileId id_of(int file) {
    struct ::stat info {};
    if (::fstat(file, &info) != 0)
        throw OsFailure(Fault::storage).error("cannot look at a checkpoint");
    return file_id(info);
}

void copy_whole(const ZipReader& from, int to, const Interrupt& interrupt) {
    constexpr std::uint64_t k_piece = 64UL * 1024 * 1024;
    if (::ioctl(to, FICLONE, from.fd()) == 0)
        return;
    for (std::uint64_t done = 0; done < from.file_size();) {
        interrupt.throw_if_pending();
        const std::uint64_t wanted = std::min(k_piece, from.file_size() - done);
        if (copy_bytes(from.fd(), done, wanted, to, from.path()) != wanted)
            throw Error(Fault::checkpoint,
                        fmt::format("{} was cut while it was read", printable(from.path().string())));
        done += wanted;
    }
}

void keep_owner(const ZipReader& from, int to) {
    struct ::stat info {};
    if (::fstat(from.fd(), &info) == 0 && ::fchown(to, info.st_uid, info.st_gid) == 0)
        return;
    throw OsFailure(Fault::storage).error("cannot keep the owner of {}", printable(from.path().string()));
}

// What is encrypted is vouched for unread: whoever has it signed knows where it comes from.
void require_checkpoint(const ZipReader& zip, const CheckpointState& state) {
    require_exact_layout(zip);
    if (zip.find(k_sealed_manifest_entry) != nullptr)
        static_cast<void>(parse_envelope(state.text));
    else
        static_cast<void>(Checkpoint(zip.path(), Keyring()));
}

// What was written, read as any other: a signature on what cannot be restored helps nobody.
void require_as_meant(const fs::path& partial, int file, const std::string& key_id) {
    const ZipReader written(partial);
    const CheckpointState state = read_state(written, Keyring());
    require_checkpoint(written, state);
    if (id_of(written.fd()) != id_of(file) || state.signature.key_id != key_id)
        throw Error(Fault::storage, fmt::format("{} does not hold what was written to it", partial.string()));
}

// A link stays one.
fs::path resolved(const fs::path& path) {
    std::error_code error;
    fs::path found = fs::canonical(path, error);
    if (error == std::errc::permission_denied)
        throw Error(Fault::permission,
                    fmt::format("cannot read the checkpoint {}: {}", printable(path.string()), error.message()));
    if (error)
        throw Error(Fault::usage,
                    fmt::format("there is no checkpoint {}: {}", printable(path.string()), error.message()));
    return found;
}

} // namespace

SignResult sign(const SignRequest& request, const Interrupt& interrupt) {
    if (acts_as_root_for(request.caller))
        throw Error(Fault::permission, fmt::format("user {} may not sign checkpoints as root: who signs decides what "
                                                   "root runs",
                                                   printable(request.caller.name)))
            .hint("become root itself: sudo env -u SUDO_USER cedana client sign ZIP");
    const auto key = read_signing_key(request.config);
    if (!key)
        throw Error(Fault::usage, "there is no key to sign with")
            .hint("make one (cedana config keygen FILE), and set security.signing_key to FILE");
    const ZipReader zip(resolved(request.checkpoint));
    VerifiedFile original(zip.path(), zip.fd());
    const CheckpointState state = read_state(zip, Keyring());
    require_checkpoint(zip, state);
    const fs::path partial = zip.path().parent_path() / partial_name(zip.path().stem().string());
    UniqueFd file = create_partial(partial);
    if (!file)
        throw Error(Fault::storage, fmt::format("{} is there already", printable(partial.string())))
            .hint("`cedana check --clean -d FOLDER` removes what was left there");
    RemoveOnFailure leftover(partial);
    copy_whole(zip, file.get(), interrupt);
    ZipWriter(file.get(), partial, ZipContent::archive)
        .replace({.name = k_signature_entry, .source = memory_entry(key->sign(state.text), Method::store, 0)});
    keep_owner(zip, file.get());
    sync_file(file.get(), partial);
    require_as_meant(partial, file.get(), key->public_key().id());
    interrupt.throw_if_pending();
    // Still locked: else whoever cleans up might take it.
    if (!original.replace_by(partial.filename().string(), file.get()))
        throw Error(Fault::storage, fmt::format("{} was replaced while it was signed; what is there now is not signed",
                                                printable(zip.path().string())))
            .hint("sign it again");
    leftover.commit();
    sync_folder(original.beside(""));
    close_checked(std::move(file), zip.path());
    return {.checkpoint = zip.path(), .key_id = key->public_key().id(), .replaced = state.signature.key_id};
}

} // namespace cedana
