// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/import_container.hpp"

#include "cedana/action/dump_target.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/time_text.hpp"
#include "cedana/checkpoint/file_capture.hpp"
#include "cedana/checkpoint/writer.hpp"
#include "cedana/containers/podman_import.hpp"
#include "cedana/criu/memory_map.hpp"
#include "cedana/criu/statistics.hpp"
#include "cedana/criu/tree_images.hpp"
#include "cedana/files/checkpoint_file.hpp"
#include "cedana/files/default_store.hpp"
#include "cedana/host/permissions.hpp"
#include "cedana/keys/encryption.hpp"
#include "cedana/version.hpp"

#include <chrono>
#include <system_error>
#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

// What no image and nothing of podman's says.
constexpr const char* k_unknown = "unknown";

fs::path folder_for(const ImportRequest& request) {
    const DumpRequest dump{
        .pid = {}, .name = {}, .folder = request.folder, .config = request.config, .caller = request.caller};
    if (uses_default_store(dump))
        make_default_store();
    return find_folder(dump);
}

// By the pids in the container: those of its host are known to nobody any more.
std::vector<ManifestProcess> tree_in(const containers::PodmanImport& archive) {
    std::vector<ManifestProcess> tree;
    for (const criu::DumpedProcess& process : criu::parse_tree(archive.image("pstree.img")))
        tree.push_back({.pid = process.pid,
                        .parent = process.parent,
                        .comm = criu::parse_thread(archive.image(fmt::format("core-{}.img", process.pid))).comm,
                        .executable = {},
                        .command_line = {},
                        .threads = process.threads});
    return tree;
}

Manifest manifest_of(const containers::PodmanImport& archive) {
    Manifest manifest{
        .required_features = {std::string(k_in_container)},
        .created = utc_iso(archive.made()),
        .cedana_version = k_version,
        .criu_version = k_unknown,
        .host = {.name = k_unknown, .kernel = k_unknown, .machine = {}, .cpu_model = k_unknown, .cpu_flags = {}},
        .name = archive.record().name,
        .container = archive.record(),
        .criu_options = {.file_locks = !archive.image("filelocks.img").empty()},
        .tree = tree_in(archive),
        .own_mounts = true,
        .digests = {},
        .timings = {}};
    manifest.host.machine = criu::parse_machine(archive.image(fmt::format("core-{}.img", manifest.tree.front().pid)));
    if (const auto statistics = criu::parse_dump_statistics(archive.image("stats-dump")))
        manifest.frozen_seconds = std::chrono::duration<double>(statistics->frozen).count();
    return manifest;
}

} // namespace

ImportResult import_container(const ImportRequest& request, const Interrupt& interrupt, Progress& progress) {
    std::error_code ignored;
    const fs::path path = fs::absolute(request.archive, ignored).lexically_normal();
    auto encryption = prepare_encryption(request.config, request.passphrase.get());
    require_as_roots(request.config, request.caller, path, "the archive");
    const fs::path folder = folder_for(request);
    containers::PodmanImport archive(path, interrupt);
    const std::string name = archive.record().name;
    progress.phase("importing");
    CheckpointWriter writer(request.config, folder, checkpoint_stem(name, std::chrono::system_clock::now()),
                            {.bound = buffer_bound(request.config), .expected = 0}, std::move(encryption));
    writer.write_ahead(
        [&](ImageSink& sink) {
            archive.read(sink, [&](std::uint64_t done) { progress.bytes(done, archive.bytes()); });
        },
        interrupt, progress);
    for (const auto& [entry, content] : archive.texts())
        writer.add_text(entry, content);
    FileCapture none(request.config, folder);
    const fs::path checkpoint = writer.finish(manifest_of(archive), none, {}, interrupt, progress);
    progress.done();
    return {.checkpoint = checkpoint, .archive = path, .name = name, .bytes = fs::file_size(checkpoint, ignored)};
}

} // namespace cedana
