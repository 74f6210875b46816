// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/text.hpp"
#include "cedana/base/time_text.hpp"
#include "cedana/cli/bar.hpp"
#include "cedana/cli/facts_text.hpp"
#include "cedana/cli/inspection.hpp"
#include "cedana/cli/page_template.hpp"
#include "cedana/cli/process_tree.hpp"
#include "cedana/cli/terminal.hpp"
#include "cedana/cli/treemap.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

// Told apart by people who see few colours too: each is also labelled.
constexpr std::array<std::string_view, 6> k_colours = {"#3b6fd4", "#2a9d8f", "#b5651d",
                                                       "#8e5bb5", "#6b7c2f", "#b23a6b"};

constexpr double k_width = 960;
constexpr double k_letter = 7.4;

using Values = std::initializer_list<std::pair<std::string_view, std::string>>;

std::string part(std::string_view name, Values values) { return filled(k_inspection_html, name, values); }

std::string number(double value) { return fmt::format("{:.1f}", value); }

std::string label_for(std::string_view text, double width) {
    const auto columns = static_cast<std::size_t>(std::max(width - 12, 0.0) / k_letter);
    return columns < 4 ? std::string() : fitted(printable(text), columns);
}

std::string label(std::string_view text, const Rectangle& tile, double below) {
    return part("label",
                {{"x", number(tile.x + 8)}, {"y", number(tile.y + below)}, {"text", label_for(text, tile.width)}});
}

double total_of(const ManifestProcess& process) {
    return static_cast<double>(process.memory ? process.memory->total() : process.resident_bytes);
}

std::string facts_of(const Inspection& inspection) {
    const Manifest& m = inspection.manifest;
    std::string facts;
    const auto fact = [&](const char* name, std::string value) {
        facts += part("fact", {{"name", name}, {"value", std::move(value)}});
    };
    fact("program", fmt::format("{}, pid {}, {} process{}", m.name, m.tree.front().pid, m.tree.size(),
                                m.tree.size() == 1 ? "" : "es"));
    fact("created", fmt::format("{} by cedana {} with CRIU {}", m.created, m.cedana_version, m.criu_version));
    fact("host", fmt::format("{}, Linux {}, {}, {}", m.host.name, m.host.kernel, m.host.machine, m.host.cpu_model));
    fact("size",
         fmt::format("{}, of {} in {} images ({:.1f}x)", human_bytes(inspection.bytes_archive),
                     human_bytes(m.bytes_images), m.images,
                     share(static_cast<double>(m.bytes_images), static_cast<double>(inspection.bytes_archive))));
    fact("options", options_text(m.criu_options));
    for (const std::string& reason : m.cannot_be_restored)
        fact("restore", "never, because " + reason);
    fact("then", m.leave_running ? "the process ran on" : "the process ended");
    return facts;
}

std::string tree_html(const Manifest& manifest) {
    std::string lines;
    for (const TreeLine& line : draw_tree(manifest.tree))
        lines += part("process", {{"branches", line.branches},
                                  {"pid", std::to_string(line.process->pid)},
                                  {"command", command_of(*line.process)}});
    return lines;
}

std::string tile_of(const ManifestProcess& process, const Rectangle& tile, std::string_view colour) {
    if (tile.width <= 0 || tile.height <= 0)
        return {};
    const std::string size = human_bytes(static_cast<std::uint64_t>(total_of(process)));
    const std::string name = fmt::format("{} {}", process.pid, process.comm);
    return part("tile", {{"name", name},
                         {"size", size},
                         {"x", number(tile.x)},
                         {"y", number(tile.y)},
                         {"width", number(tile.width)},
                         {"height", number(tile.height)},
                         {"colour", std::string(colour)},
                         {"labels", (tile.height > 22 ? label(name, tile, 19) : "") +
                                        (tile.height > 40 ? label(size, tile, 36) : "")}});
}

std::string tiles_of(const Manifest& manifest, double height) {
    std::vector<double> values;
    for (const ManifestProcess& process : manifest.tree)
        values.push_back(total_of(process));
    const auto rectangles = treemap(values, {0, 0, k_width, height});
    std::string tiles;
    for (std::size_t i = 0; i < rectangles.size(); ++i)
        tiles += tile_of(manifest.tree[i], rectangles[i], k_colours[i % k_colours.size()]);
    return tiles;
}

std::string memory_of(const Manifest& manifest) {
    std::string rows;
    for (const ManifestProcess& process : manifest.tree) {
        const auto bytes = [&](std::uint64_t ProcessMemory::*kind) {
            return process.memory ? human_bytes((*process.memory).*kind) : std::string("?");
        };
        rows += part("memory", {{"pid", std::to_string(process.pid)},
                                {"program", process.comm},
                                {"anonymous", bytes(&ProcessMemory::anonymous)},
                                {"shared", bytes(&ProcessMemory::shared)},
                                {"file_backed", bytes(&ProcessMemory::file_backed)},
                                {"swapped", bytes(&ProcessMemory::swapped)}});
    }
    return rows;
}

// Phases in a row, and below them when the tree stood still.
std::string timing_of(const Manifest& manifest) {
    const Timeline line = timeline_of(manifest);
    if (line.seconds <= 0)
        return part("no timing", {});
    const auto x = [&](double seconds) { return seconds / line.seconds * k_width; };
    std::string phases;
    for (std::size_t i = 0; i < line.phases.size(); ++i) {
        const Phase& phase = line.phases[i];
        const std::string name = fmt::format("{} {}", phase.name, human_seconds(phase.seconds));
        phases += part("phase", {{"name", name},
                                 {"x", number(x(phase.begin))},
                                 {"width", number(x(phase.seconds))},
                                 {"colour", std::string(k_colours[i % k_colours.size()])},
                                 {"text_x", number(x(phase.begin) + 8)},
                                 {"text", label_for(name, x(phase.seconds))}});
    }
    const double left = x(line.frozen_begin);
    const double width = std::max(std::min(x(line.frozen_seconds), k_width - left), 2.0);
    // The text would leave the picture on the right.
    const bool at_end = left > k_width * 0.6;
    return part("timing", {{"width", fmt::format("{}", k_width)},
                           {"phases", phases},
                           {"frozen_x", number(left)},
                           {"frozen_width", number(width)},
                           {"told_x", number(at_end ? left + width : left)},
                           {"told_anchor", at_end ? "end" : "start"},
                           {"told", fmt::format("frozen: {}{}", line.frozen_is_measured ? "" : "at most ",
                                                human_seconds(line.frozen_seconds))},
                           {"seconds", human_seconds(line.seconds)}});
}

std::string images_of(const std::vector<ImageSize>& images) {
    const double largest = images.empty() ? 0 : static_cast<double>(images.front().bytes);
    std::string rows;
    for (const ImageSize& image : images) {
        const auto bytes = static_cast<double>(image.bytes);
        rows += part("image", {{"name", image.name},
                               {"size", human_bytes(image.bytes)},
                               {"compressed", human_bytes(image.compressed)},
                               {"ratio", image.compressed == 0
                                             ? ""
                                             : fmt::format("{:.1f}x", bytes / static_cast<double>(image.compressed))},
                               {"percent", number(100 * share(bytes, largest))}});
    }
    return rows;
}

std::string files_of(const Manifest& manifest) {
    if (manifest.files.empty())
        return part("none", {});
    std::string rows;
    for (const CapturedFile& file : manifest.files)
        rows += part("file", {{"size", human_bytes(file.size)},
                              {"recorded", file.entry.empty() ? file.digest.empty() ? "size" : "digest" : "content"},
                              {"path", file.path}});
    return part("files", {{"rows", rows}});
}

std::string open_html(const RecordedFacts& facts) {
    std::size_t count = 0;
    std::string rows;
    for (const RecordedProcess& process : facts.processes)
        for (const RecordedDescriptor& open : process.descriptors) {
            ++count;
            rows += part("descriptor", {{"pid", std::to_string(process.pid)},
                                        {"fd", std::to_string(open.fd)},
                                        {"kind", std::string(name_of(open.kind))},
                                        {"access", access_of(open.flags)},
                                        {"target", open.target},
                                        {"remark", remark_on(open)}});
        }
    return part("open", {{"count", std::to_string(count)}, {"rows", rows}});
}

std::string sockets_of(const Manifest& manifest) {
    std::string lines;
    const auto add = [&](const auto& socket) { lines += part("socket", {{"text", text_of(socket)}}); };
    if (manifest.facts)
        std::ranges::for_each(manifest.facts->sockets, add);
    else
        std::ranges::for_each(manifest.connections, add);
    return lines.empty() ? part("none", {}) : lines;
}

} // namespace

std::string html_page(const Inspection& inspection) {
    constexpr double k_height = 320;
    const Manifest& manifest = inspection.manifest;
    std::string needed;
    for (const RequiredFile& file : manifest.required_files)
        needed += html_escaped(file.path) + "\n";
    return part("page", {{"file", inspection.path.filename().string()},
                         {"folder", inspection.path.parent_path().string()},
                         {"style", std::string(k_inspection_css)},
                         {"facts", facts_of(inspection)},
                         {"tree", tree_html(manifest)},
                         {"width", fmt::format("{}", k_width)},
                         {"height", fmt::format("{}", k_height)},
                         {"tiles", tiles_of(manifest, k_height)},
                         {"memory", memory_of(manifest)},
                         {"timing", timing_of(manifest)},
                         {"images", images_of(inspection.images)},
                         {"files", files_of(manifest)},
                         {"open", manifest.facts ? open_html(*manifest.facts) : ""},
                         {"sockets", sockets_of(manifest)},
                         {"needed_count", std::to_string(manifest.required_files.size())},
                         {"needed", needed}});
}

} // namespace cedana
