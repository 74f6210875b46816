// SPDX-License-Identifier: Apache-2.0
#include "cedana/model/checkpoint_summary.hpp"

#include "cedana/base/text.hpp"
#include "cedana/base/time_text.hpp"

#include <spdlog/fmt/fmt.h>

#include "manifest_json.hpp"

namespace cedana {

CheckpointSummary summarise(const Manifest& manifest) {
    const auto created = parse_utc_iso(manifest.created);
    if (!created)
        refuse_manifest(fmt::format("'{}' is no time", printable(manifest.created)));
    const ManifestProcess& root = manifest.tree.front();
    return {.created = *created,
            .name = manifest.name,
            .host = manifest.host.name,
            .pid = root.pid,
            .start_time = root.start_time,
            .executable = root.executable,
            .processes = manifest.tree.size(),
            .bytes_images = manifest.bytes_images};
}

} // namespace cedana
