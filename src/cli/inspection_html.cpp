// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/text.hpp"
#include "cedana/base/time_text.hpp"
#include "cedana/cli/bar.hpp"
#include "cedana/cli/container_text.hpp"
#include "cedana/cli/facts_text.hpp"
#include "cedana/cli/inspection.hpp"
#include "cedana/cli/inspection_tables.hpp"
#include "cedana/cli/page_template.hpp"
#include "cedana/cli/process_tree.hpp"
#include "cedana/cli/terminal.hpp"
#include "cedana/cli/treemap.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include <time.h>

namespace cedana {

namespace {

// Told apart by people who see few colours too: each is also labelled.
constexpr std::array<std::string_view, 6> k_colours = {"#3b6fd4", "#2a9d8f", "#b5651d",
                                                       "#8e5bb5", "#6b7c2f", "#b23a6b"};

constexpr double k_width = 960;
constexpr double k_letter = 7.4;

std::string number(double value) { return fmt::format("{:.1f}", value); }

std::string label_for(std::string_view text, double width) {
    const auto columns = static_cast<std::size_t>(std::max(width - 12, 0.0) / k_letter);
    return columns < 4 ? std::string() : fitted(printable(text), columns);
}

std::string label(std::string_view text, const Rectangle& tile, double below) {
    return page_part("label",
                     {{"x", number(tile.x + 8)}, {"y", number(tile.y + below)}, {"text", label_for(text, tile.width)}});
}

std::string local_time(const std::string& utc) {
    const auto when = parse_utc_iso(utc);
    if (!when)
        return utc;
    const std::time_t seconds = std::chrono::system_clock::to_time_t(*when);
    std::tm parts{};
    std::array<char, 64> text{};
    if (::localtime_r(&seconds, &parts) == nullptr ||
        std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S %Z", &parts) == 0)
        return utc;
    return fmt::format("{} ({})", text.data(), utc);
}

std::string fact(std::string_view name, std::string value) {
    return page_part("fact", {{"name", std::string(name)}, {"value", std::move(value)}});
}

std::string command(std::string_view name, std::string line) {
    return page_part("command", {{"name", std::string(name)}, {"value", std::move(line)}});
}

std::string facts_of(const Inspection& inspection) {
    const Manifest& m = inspection.manifest;
    const std::string path = shell_word(inspection.path.string());
    std::string facts;
    for (const std::string& reason : m.cannot_be_restored)
        facts += fact("restore", "never, because " + reason);
    if (m.cannot_be_restored.empty())
        facts += command("restore", "sudo cedana client restore " + path);
    facts += command("verify", "sudo cedana client verify " + path);
    if (m.container)
        for (const auto& [name, value] : container_facts(*m.container))
            facts += fact(name, value);
    facts += fact("signed", signature_text(inspection.signature));
    if (inspection.encrypted)
        facts += fact("encrypted", "yes");
    facts += fact("created",
                  fmt::format("{} by cedana {} with CRIU {}", local_time(m.created), m.cedana_version, m.criu_version));
    facts += fact("program", fmt::format("pid {}, {} process{}", m.tree.front().pid, m.tree.size(),
                                         m.tree.size() == 1 ? "" : "es"));
    facts += fact("then", m.leave_running ? "the process ran on" : "the process ended");
    facts +=
        fact("host", fmt::format("{}, Linux {}, {}, {}", m.host.name, m.host.kernel, m.host.machine, m.host.cpu_model));
    facts += fact(
        "size", fmt::format("{}, of {} in {} images ({:.1f}x)", human_bytes(inspection.bytes_archive),
                            human_bytes(m.bytes_images), m.images,
                            share(static_cast<double>(m.bytes_images), static_cast<double>(inspection.bytes_archive))));
    facts += fact("options", options_text(m.criu_options));
    return facts;
}

std::string tree_html(const Manifest& manifest) {
    std::string lines;
    for (const TreeLine& line : draw_tree(manifest.tree))
        lines += page_part("process", {{"branches", line.branches},
                                       {"pid", std::to_string(line.process->pid)},
                                       {"command", command_of(*line.process)}});
    return lines;
}

std::string tile_of(const ManifestProcess& process, const Rectangle& tile, std::string_view colour) {
    if (tile.width <= 0 || tile.height <= 0)
        return {};
    const std::string size = human_bytes(total_memory_of(process));
    const std::string name = fmt::format("{} {}", process.pid, process.comm);
    return page_part("tile", {{"name", name},
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
        values.push_back(static_cast<double>(total_memory_of(process)));
    const auto rectangles = treemap(values, {0, 0, k_width, height});
    std::string tiles;
    for (std::size_t i = 0; i < rectangles.size(); ++i)
        tiles += tile_of(manifest.tree[i], rectangles[i], k_colours[i % k_colours.size()]);
    return tiles;
}

// Phases in a row, and below them when the tree stood still.
std::string timing_of(const Manifest& manifest) {
    const Timeline line = timeline_of(manifest);
    if (line.seconds <= 0)
        return page_part("no timing", {});
    const auto x = [&](double seconds) { return seconds / line.seconds * k_width; };
    std::string phases;
    for (std::size_t i = 0; i < line.phases.size(); ++i) {
        const Phase& phase = line.phases[i];
        const std::string name = fmt::format("{} {}", phase.name, human_seconds(phase.seconds));
        phases += page_part("phase", {{"name", name},
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
    return page_part("timing", {{"width", fmt::format("{}", k_width)},
                                {"phases", phases},
                                {"frozen_x", number(left)},
                                {"frozen_width", number(width)},
                                {"told_x", number(at_end ? left + width : left)},
                                {"told_anchor", at_end ? "end" : "start"},
                                {"told", fmt::format("frozen: {}{}", line.frozen_is_measured ? "" : "at most ",
                                                     human_seconds(line.frozen_seconds))},
                                {"seconds", human_seconds(line.seconds)}});
}

std::string table_or_none(const Table& table) { return table.empty() ? page_part("none", {}) : html_table(table); }

std::string open_html(const RecordedFacts& facts) {
    const Table table = open_table(facts);
    return page_part("open", {{"count", std::to_string(table.rows().size())}, {"table", html_table(table)}});
}

std::string sockets_of(const Manifest& manifest) {
    if (manifest.facts)
        return table_or_none(socket_table(*manifest.facts));
    std::string lines;
    for (const TcpConnection& connection : manifest.connections)
        lines += page_part("socket", {{"text", text_of(connection)}});
    return lines.empty() ? page_part("none", {}) : lines;
}

} // namespace

std::string html_page(const Inspection& inspection) {
    constexpr double k_height = 320;
    constexpr std::size_t k_all = SIZE_MAX;
    const Manifest& manifest = inspection.manifest;
    std::uint64_t images_bytes = 0;
    for (const ImageSize& image : inspection.images)
        images_bytes += image.bytes;
    return whole_page(inspection.path.filename().string(),
                      page_part("inspection", {{"name", manifest.name},
                                               {"command", command_of(manifest.tree.front())},
                                               {"facts", facts_of(inspection)},
                                               {"tree", tree_html(manifest)},
                                               {"width", fmt::format("{}", k_width)},
                                               {"height", fmt::format("{}", k_height)},
                                               {"tiles", tiles_of(manifest, k_height)},
                                               {"memory", html_table(memory_table(manifest))},
                                               {"timing", timing_of(manifest)},
                                               {"files", table_or_none(written_files_table(manifest, k_all))},
                                               {"open", manifest.facts ? open_html(*manifest.facts) : ""},
                                               {"sockets", sockets_of(manifest)},
                                               {"needed_count", std::to_string(manifest.required_files.size())},
                                               {"needed", html_table(needed_files_table(manifest))},
                                               {"images_count", std::to_string(inspection.images.size())},
                                               {"images_size", human_bytes(images_bytes)},
                                               {"images", html_table(images_table(inspection.images, k_all))}}));
}

std::string html_page(const Inspection& before, const Inspection& after) {
    const Comparison comparison = compare(before.manifest, after.manifest);
    std::string facts;
    for (const auto& [name, one] : {std::pair("from", &before), std::pair("to", &after)})
        facts += fact(name, fmt::format("{}, {}, {}", one->path.string(), local_time(one->manifest.created),
                                        human_bytes(one->bytes_archive)));
    if (!comparison.same_process)
        facts += fact("but", "these are not of the same process");
    std::string rest;
    for (const Table& table : changed_tables(comparison))
        rest += html_table(table);
    return whole_page(after.path.filename().string(),
                      page_part("comparison", {{"name", after.manifest.name},
                                               {"facts", facts},
                                               {"processes", html_table(changed_processes_table(comparison))},
                                               {"rest", rest.empty() ? page_part("same", {}) : rest}}));
}

} // namespace cedana
