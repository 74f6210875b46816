// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/foreseen_manifest.hpp"

#include "cedana/action/dump_target.hpp"
#include "cedana/base/kernel_time.hpp"
#include "cedana/base/text.hpp"
#include "cedana/host/description.hpp"
#include "cedana/version.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace cedana {

Manifest foreseen_manifest(const DumpDraft& draft) {
    const SeenTree& seen = *draft.seen;
    Manifest manifest{.cannot_be_restored = draft.passed_over,
                      .created = utc_iso(std::chrono::system_clock::now()),
                      .cedana_version = k_version,
                      .criu_version = draft.criu.version,
                      .host = describe_host(),
                      .name = seen.name,
                      .label = draft.request.label,
                      .note = draft.request.note,
                      .leave_running = draft.request.config.client_leave_running,
                      .criu_options = seen.options,
                      .tree = describe(seen.tree),
                      .required_files = seen.required_files,
                      .connections = seen.facts.tcp_connections,
                      .external_pipes = seen.facts.external_pipes,
                      .external_terminals = seen.facts.external_terminals,
                      .journal_streams = seen.facts.journal_streams,
                      .own_mounts = seen.facts.own_mounts,
                      .entered_namespaces = seen.facts.entered,
                      .systemd_unit = seen.facts.unit.is_service() ? seen.facts.unit.name : std::string(),
                      .outside_files = seen.facts.outside_files,
                      .sandbox_lost = seen.sandbox_lost(),
                      .bytes_images = seen.facts.image_bytes,
                      .digests = {},
                      .timings = {},
                      .places = draft.named.places,
                      .facts = seen.facts.record};
    if (!manifest.cannot_be_restored.empty())
        manifest.required_features.emplace_back(k_never_restored);
    if (!seen.facts.outer_dev_tty.empty())
        manifest.required_features.emplace_back(k_outer_dev_tty);
    if (!manifest.outside_files.empty())
        manifest.required_features.emplace_back(k_outside_files);
    if (!manifest.journal_streams.empty())
        manifest.required_features.emplace_back(k_journal_streams);
    return manifest;
}

std::vector<CapturedFile> foreseen_files(const WrittenFiles& written, const Config& config) {
    constexpr std::size_t k_digest_size = 64;
    std::vector<CapturedFile> files;
    if (config.files_capture == Capture::none)
        return files;
    for (const WrittenFile& file : written.files) {
        CapturedFile foreseen{.path = file.path,
                              .size = static_cast<std::uint64_t>(file.info.st_size),
                              .mode = file.info.st_mode & 07777,
                              .owner = file.info.st_uid,
                              .group = file.info.st_gid,
                              .modified = nanoseconds_of(file.info.st_mtim).count(),
                              .uses = file.uses};
        if (is_copied(file, config)) {
            foreseen.entry = std::to_string(files.size());
            foreseen.digest.assign(k_digest_size, '0');
        }
        files.push_back(std::move(foreseen));
    }
    return files;
}

} // namespace cedana
