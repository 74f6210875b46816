// SPDX-License-Identifier: Apache-2.0
#include "cedana/checkpoint/inspect.hpp"

#include "cedana/checkpoint/reader.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace cedana {

namespace {

// As a dump has them; the tree stands still within the two.
constexpr std::array<std::string_view, 5> k_order = {"prepare", "buffer", "capture", "files", "resume"};
constexpr std::string_view k_first_frozen = "capture";
constexpr std::string_view k_last_frozen = "files";

std::size_t place_of(std::string_view phase) {
    return static_cast<std::size_t>(std::ranges::find(k_order, phase) - k_order.begin());
}

} // namespace

Inspection inspect(const std::filesystem::path& path, const Keyring& keyring, Depth depth) {
    const Checkpoint checkpoint(path, keyring);
    Inspection found{.path = path,
                     .manifest = checkpoint.manifest(),
                     .signature = checkpoint.signature(),
                     .encrypted = checkpoint.is_encrypted(),
                     .images = {}};
    found.bytes_archive = checkpoint.zip().file_size();
    for (const ImageRecord& image : checkpoint.index().images)
        if (const EntryInfo* const entry = checkpoint.zip().find(image.entry_name(k_images_folder)))
            found.images.push_back({.name = image.name, .bytes = image.size, .compressed = entry->compressed});
    std::ranges::sort(found.images, [](const ImageSize& a, const ImageSize& b) {
        return a.bytes != b.bytes ? a.bytes > b.bytes : a.name < b.name;
    });
    if (depth == Depth::memory_maps)
        found.maps = read_memory_maps(checkpoint);
    return found;
}

Timeline timeline_of(const Manifest& manifest) {
    Timeline timeline;
    for (const auto& [name, seconds] : manifest.timings)
        timeline.phases.push_back({.name = name, .seconds = std::max(seconds, 0.0)});
    std::ranges::stable_sort(timeline.phases, {}, [](const Phase& phase) { return place_of(phase.name); });
    double frozen_end = 0;
    for (Phase& phase : timeline.phases) {
        phase.begin = timeline.seconds;
        timeline.seconds += phase.seconds;
        if (phase.name == k_first_frozen)
            timeline.frozen_begin = phase.begin;
        if (phase.name == k_first_frozen || phase.name == k_last_frozen)
            frozen_end = timeline.seconds;
    }
    const double most = std::max(frozen_end - timeline.frozen_begin, 0.0);
    timeline.frozen_is_measured = manifest.frozen_seconds.has_value();
    timeline.frozen_seconds = manifest.frozen_seconds.value_or(most);
    // CRIU starts, and looks around, before it freezes anything.
    timeline.frozen_begin = frozen_end - std::min(timeline.frozen_seconds, most);
    return timeline;
}

} // namespace cedana
