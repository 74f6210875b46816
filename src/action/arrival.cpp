// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/arrival.hpp"

#include "cedana/action/dump_target.hpp"
#include "cedana/action/lazy_request.hpp"
#include "cedana/action/restore_steps.hpp"
#include "cedana/base/text.hpp"
#include "cedana/checkpoint/foretold_files.hpp"
#include "cedana/files/checkpoint_file.hpp"
#include "cedana/files/default_store.hpp"
#include "cedana/host/permissions.hpp"
#include "cedana/keys/envelope.hpp"
#include "cedana/model/config_file.hpp"
#include "cedana/process/file_locks.hpp"

#include <algorithm>

#include <spdlog/fmt/fmt.h>

#include <arpa/inet.h>
#include <sys/stat.h>

namespace cedana {

namespace {

constexpr const char* k_store = "the folder for checkpoints";

bool is_trusted(const Keyring& keyring, const std::string& key_id) {
    return std::ranges::any_of(keyring.trusted(), [&](const PublicKey& key) { return key.id() == key_id; });
}

// "10.0.0.1:80", "[::1]:80"; absent for anything else.
std::optional<criu::DumpedInet> parse_listener(const RecordedSocket& socket) {
    const std::size_t colon = socket.local.rfind(':');
    std::int64_t port = 0;
    if (colon == std::string::npos || !parse_number(std::string_view(socket.local).substr(colon + 1), port) ||
        port <= 0 || port > 0xffff)
        return std::nullopt;
    std::string address = socket.local.substr(0, colon);
    criu::DumpedInet listener{.family = AF_INET, .type = socket.kind == "tcp" ? SOCK_STREAM : SOCK_DGRAM};
    listener.protocol = socket.kind == "tcp" ? IPPROTO_TCP : IPPROTO_UDP;
    listener.state = socket.kind == "tcp" ? criu::k_state_listening : criu::k_state_closed;
    listener.local.port = static_cast<std::uint16_t>(port);
    if (address.starts_with('[') && address.ends_with(']')) {
        address = address.substr(1, address.size() - 2);
        listener.family = AF_INET6;
    }
    return ::inet_pton(listener.family, address.c_str(), listener.local.address.data()) == 1 ? std::optional(listener)
                                                                                             : std::nullopt;
}

// One that CRIU will bind; absent for anything else, and for what has no name that is sure to be its whole name.
std::optional<criu::DumpedUnix> parse_bound(const RecordedSocket& socket) {
    const bool is_datagram = socket.kind == "unix datagram";
    if (!is_datagram && (!socket.kind.starts_with("unix ") || socket.state != "listening"))
        return std::nullopt;
    criu::DumpedUnix bound{.type = is_datagram                       ? SOCK_DGRAM
                                   : socket.kind == "unix seqpacket" ? SOCK_SEQPACKET
                                                                     : SOCK_STREAM,
                           .state = is_datagram ? criu::k_state_closed : criu::k_state_listening,
                           .name = socket.local};
    if (socket.local.starts_with('@'))
        bound.name.front() = '\0';
    return socket.local.starts_with('@') || socket.local.starts_with('/') ? std::optional(bound) : std::nullopt;
}

bool has_own_network(const Manifest& manifest) {
    return std::ranges::none_of(manifest.entered_namespaces, [](const auto& one) { return one == "net"; }) &&
           std::ranges::any_of(manifest.facts->processes.front().namespaces,
                               [](const std::string& link) { return link.starts_with("net:"); });
}

criu::DumpedLock as_dumped(const HeldLock& held) {
    criu::DumpedLock lock{.is_exclusive = held.is_exclusive, .start = held.first};
    if (held.kind != HeldLockKind::posix)
        lock.kind = held.kind == HeldLockKind::flock ? criu::LockKind::flock
                    : held.kind == HeldLockKind::ofd ? criu::LockKind::ofd
                                                     : criu::LockKind::lease;
    if (held.last != k_end_of_file)
        lock.length = held.last - held.first + 1;
    return lock;
}

void foresee_locks(RestoreNeeds& needs, const Manifest& manifest) {
    if (!manifest.criu_options.file_locks)
        return;
    for (const RecordedProcess& process : manifest.facts->processes)
        for (const RecordedDescriptor& descriptor : process.descriptors)
            for (const std::string& text : descriptor.locks)
                if (const auto held = parse_held_lock(text))
                    needs.locks.push_back({.path = descriptor.target, .lock = as_dumped(*held)});
}

// What the source has seen; the images tell the rest once they are there.
RestoreNeeds foreseen_needs(const Manifest& manifest, const std::vector<migration::OfferedFile>& files) {
    RestoreNeeds needs;
    for (const migration::OfferedFile& file : files)
        needs.files.push_back({.path = file.path, .mode = file.mode, .build_id = file.build_id});
    if (!manifest.facts || manifest.facts->processes.empty())
        return needs;
    needs.own_network = has_own_network(manifest);
    needs.own_mounts = manifest.own_mounts;
    for (const RecordedSocket& socket : manifest.facts->sockets) {
        if (socket.kind == "tcp" && socket.state == "listening")
            if (auto listener = parse_listener(socket))
                needs.inet.push_back(*listener);
        if (auto bound = parse_bound(socket))
            needs.unix_ones.push_back(std::move(*bound));
    }
    foresee_locks(needs, manifest);
    return needs;
}

// Throws Error(Fault::permission) where no key here decrypts what the source would send.
void require_readable(const ReceiveRequest& request, const std::string& envelope) {
    if (!envelope.empty())
        static_cast<void>(request.keyring.without_asking().open("the checkpoint", parse_envelope(envelope)));
}

// Each in a line of its own would fill a screen.
void require_allowed_places(const ReceiveRequest& request, const Manifest& manifest) {
    if (request.config.files_capture == Capture::none)
        return;
    const FileRules rules = rules_of_arrival(request);
    std::vector<Error> refused;
    const auto look = [&](const std::string& path) {
        try {
            require_allowed_place(path, rules);
        } catch (const Error& error) {
            refused.push_back(error);
        }
    };
    for (const CapturedFile& file : manifest.files)
        if (!file.entry.empty())
            look(file.path);
    struct ::stat info {};
    for (const NamedPlace& place : manifest.places)
        if (::lstat(place.path.c_str(), &info) != 0)
            look(place.path);
    if (refused.empty())
        return;
    Error first = refused.front();
    constexpr std::size_t k_most_named = 3;
    std::vector<std::string> others;
    for (const Error& one : std::span(refused).subspan(1))
        others.push_back(one.message().substr(0, one.message().find(" is not to be put here")));
    const std::size_t more = others.size() - std::min(others.size(), k_most_named);
    others.resize(others.size() - more);
    if (!others.empty())
        first.cause(fmt::format("neither are {}{}", fmt::join(others, ", "),
                                more == 0 ? std::string() : fmt::format(" and {} more", more)));
    throw Error(first);
}

Errors refusals_of_files(const ReceiveRequest& request, const RestoreDraft& draft) {
    if (request.config.files_capture == Capture::none)
        return {};
    return foretell_put_back(draft.manifest(), rules_of_arrival(request), draft.procfs);
}

Errors refusals_of_tree(const ReceiveRequest& request, const migration::Offer& offer, const Interrupt& interrupt) {
    // It is there only later; where output goes is named after it.
    const RestoreRequest restore{.checkpoint = std::filesystem::path(k_default_store) / "arriving.zip",
                                 .config = request.config,
                                 .keyring = request.keyring,
                                 .new_pid_namespace = offer.new_pid_namespace,
                                 .caller = request.caller,
                                 .lazy = offer.lazy};
    RestoreDraft draft(restore, interrupt);
    draft.leases.emplace();
    draft.foreseen = parse_manifest(offer.manifest);
    draft.needs = foreseen_needs(*draft.foreseen, offer.files);
    Steps steps = {check("looking who signs", [&] { require_trusted_source(request, offer.key_id); }),
                   check("looking for the key that decrypts it", [&] { require_readable(request, offer.envelope); }),
                   check("looking for room", [&] {
                       require_room(
                           free_room(arrival_folder(request), draft.manifest().bytes_images, offer.bytes_files),
                           fmt::format("make room there, or name another folder there in {} "
                                       "(shared_storage.dump_storage_dir)",
                                       k_system_config_file));
                   })};
    steps.push_back(check("looking for what a lazy restore needs", [&] { refuse_lazy_requests(restore); }));
    steps.push_back(check("looking where its files go", [&] { require_allowed_places(request, draft.manifest()); }));
    steps.push_back(check_each("looking at its files", [&] { return refusals_of_files(request, draft); }));
    for (Step& step : steps_before_arrival(draft))
        steps.push_back(std::move(step));
    return rehearse(steps, interrupt);
}

} // namespace

std::filesystem::path arrival_folder(const ReceiveRequest& request) {
    const std::string& setting = request.config.shared_storage_dump_storage_dir;
    if (setting.empty())
        make_default_store();
    const std::filesystem::path folder = setting.empty() ? k_default_store : setting;
    require_folder(folder, k_store);
    require_trusted_store(request.config, request.caller, folder, k_store);
    return std::filesystem::absolute(folder).lexically_normal();
}

FileRules rules_of_arrival(const ReceiveRequest& request) {
    FileRules rules;
    rules.only_below.emplace(request.config.security_receive_folders.begin(),
                             request.config.security_receive_folders.end());
    return rules;
}

void require_trusted_source(const ReceiveRequest& request, const std::string& key_id) {
    if (is_trusted(request.keyring, key_id))
        return;
    if (!request.keyring.is_strict() && request.config.security_receive_unsigned)
        return;
    const std::string found = key_id.empty() ? "the source signs with no key"
                                             : fmt::format("the source signs with the key {}", printable(key_id));
    throw Error(Fault::permission,
                request.keyring.is_strict()
                    ? fmt::format("{}, and {} trusts others", found, request.config.security_trusted_keys)
                    : fmt::format("{}, and this host names no trusted keys", found))
        .hint(fmt::format("sign there (security.signing_key) with a key that {} here names in security.trusted_keys",
                          k_system_config_file));
}

bool has_room_ahead(const ReceiveRequest& request, const migration::Offer& offer) {
    const std::uint64_t images = parse_manifest(offer.manifest).bytes_images;
    return free_room(arrival_folder(request), 2 * images, offer.bytes_files).does_surely;
}

Errors refusals_of_arrival(const ReceiveRequest& request, const migration::Offer& offer, const Interrupt& interrupt) {
    try {
        return refusals_of_tree(request, offer, interrupt);
    } catch (const Error& error) {
        if (error.fault() == Fault::interrupted)
            throw;
        // What a look ends with is all that is known then.
        return {error};
    }
}

} // namespace cedana
