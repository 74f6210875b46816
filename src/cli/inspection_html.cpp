// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/text.hpp"
#include "cedana/base/time_text.hpp"
#include "cedana/cli/bar.hpp"
#include "cedana/cli/facts_text.hpp"
#include "cedana/cli/inspection.hpp"
#include "cedana/cli/process_tree.hpp"
#include "cedana/cli/terminal.hpp"
#include "cedana/cli/treemap.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>
#include <vector>

#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

constexpr std::string_view k_style = R"(
:root { color-scheme: light dark; --ink: #1d2430; --soft: #667085; --line: #e3e7ee; --paper: #fff; --card: #f8f9fb;
  --bar: #3b6fd4; --frozen: #d4483b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --soft: #98a2b3; --line: #2b3342; --paper: #12161d;
  --card: #1a202a; --bar: #6d9bf1; --frozen: #f0766b; } }
* { box-sizing: border-box; }
body { margin: 2rem auto; max-width: 62rem; padding: 0 1rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.35rem; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
p.soft, .soft { color: var(--soft); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: 1rem 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
pre { background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: .75rem; overflow-x: auto;
  font: 13px/1.5 ui-monospace, monospace; margin: 0; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th { text-align: left; color: var(--soft); font-weight: 500; border-bottom: 1px solid var(--line); }
td, th { padding: .2rem .75rem .2rem 0; } td.n, th.n { text-align: right; white-space: nowrap; }
td.path { overflow-wrap: anywhere; }
td.bar { width: 35%; } td.bar i { display: block; height: .7rem; background: var(--bar); border-radius: 2px; }
svg { width: 100%; height: auto; display: block; } svg text { font: 13px system-ui, sans-serif; fill: var(--ink); }
svg text.on { fill: #fff; } svg text.soft { fill: var(--soft); }
)";

// Told apart by people who see few colours too: each is also labelled.
constexpr std::array<std::string_view, 6> k_colours = {"#3b6fd4", "#2a9d8f", "#b5651d",
                                                       "#8e5bb5", "#6b7c2f", "#b23a6b"};

constexpr double k_width = 960;
constexpr double k_letter = 7.4;

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : printable(text)) {
        switch (c) {
        case '&':
            out += "&amp;";
            break;
        case '<':
            out += "&lt;";
            break;
        case '>':
            out += "&gt;";
            break;
        case '"':
            out += "&quot;";
            break;
        default:
            out += c;
        }
    }
    return out;
}

std::string label_for(std::string_view text, double width) {
    const auto columns = static_cast<std::size_t>(std::max(width - 12, 0.0) / k_letter);
    return columns < 4 ? std::string() : escaped(fitted(text, columns));
}

class Page {
  public:
    explicit Page(const Inspection& inspection) : inspection_(inspection), manifest_(inspection.manifest) {}

    std::string text() {
        page_ = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";
        page_ += fmt::format("<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n",
                             escaped(inspection_.path.filename().string()), k_style);
        head();
        tree();
        memory();
        timeline();
        images();
        files();
        page_ += "</body>\n</html>\n";
        return std::move(page_);
    }

  private:
    void title(std::string_view text) { page_ += fmt::format("<h2>{}</h2>\n", escaped(text)); }
    void fact(std::string_view name, const std::string& value) {
        page_ += fmt::format("<dt>{}</dt><dd>{}</dd>\n", name, escaped(value));
    }

    void head() {
        const Manifest& m = manifest_;
        page_ +=
            fmt::format("<h1>{}</h1>\n<p class=\"soft\">{}</p>\n<dl>\n", escaped(inspection_.path.filename().string()),
                        escaped(inspection_.path.parent_path().string()));
        fact("program", fmt::format("{}, pid {}, {} process{}", m.name, m.tree.front().pid, m.tree.size(),
                                    m.tree.size() == 1 ? "" : "es"));
        fact("created", fmt::format("{} by cedana {} with CRIU {}", m.created, m.cedana_version, m.criu_version));
        fact("host", fmt::format("{}, Linux {}, {}, {}", m.host.name, m.host.kernel, m.host.machine, m.host.cpu_model));
        fact("size",
             fmt::format("{}, of {} in {} images ({:.1f}x)", human_bytes(inspection_.bytes_archive),
                         human_bytes(m.bytes_images), m.images,
                         share(static_cast<double>(m.bytes_images), static_cast<double>(inspection_.bytes_archive))));
        fact("options", options_text(m.criu_options));
        fact("then", m.leave_running ? "the process ran on" : "the process ended");
        page_ += "</dl>\n";
    }

    void tree() {
        title("Tree");
        page_ += "<pre>";
        for (const TreeLine& line : draw_tree(manifest_.tree))
            page_ += fmt::format("{}{} {}\n", line.branches, line.process->pid, escaped(command_of(*line.process)));
        page_ += "</pre>\n";
    }

    static double total_of(const ManifestProcess& process) {
        return static_cast<double>(process.memory ? process.memory->total() : process.resident_bytes);
    }

    void memory() {
        constexpr double k_height = 320;
        title("Memory by process");
        std::vector<double> values;
        for (const ManifestProcess& process : manifest_.tree)
            values.push_back(total_of(process));
        const auto rectangles = treemap(values, {0, 0, k_width, k_height});
        page_ += fmt::format("<svg id=\"treemap\" viewBox=\"0 0 {} {}\" role=\"img\">\n", k_width, k_height);
        for (std::size_t i = 0; i < rectangles.size(); ++i)
            memory_tile(manifest_.tree[i], rectangles[i], k_colours[i % k_colours.size()]);
        page_ += "</svg>\n<table><tr><th class=\"n\">pid</th><th>program</th><th class=\"n\">anonymous</th>"
                 "<th class=\"n\">shared</th><th class=\"n\">files</th><th class=\"n\">swapped</th></tr>\n";
        for (const ManifestProcess& process : manifest_.tree)
            memory_row(process);
        page_ += "</table>\n";
    }
    void memory_tile(const ManifestProcess& process, const Rectangle& tile, std::string_view colour) {
        if (tile.width <= 0 || tile.height <= 0)
            return;
        const std::string size = human_bytes(static_cast<std::uint64_t>(total_of(process)));
        const std::string name = fmt::format("{} {}", process.pid, printable(process.comm));
        page_ += fmt::format("<g><title>{}: {}</title><rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" "
                             "height=\"{:.1f}\" fill=\"{}\" stroke=\"var(--paper)\" stroke-width=\"2\"/>",
                             escaped(name), size, tile.x, tile.y, tile.width, tile.height, colour);
        if (tile.height > 22)
            page_ += fmt::format("<text class=\"on\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>", tile.x + 8, tile.y + 19,
                                 label_for(name, tile.width));
        if (tile.height > 40)
            page_ += fmt::format("<text class=\"on\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>", tile.x + 8, tile.y + 36,
                                 label_for(size, tile.width));
        page_ += "</g>\n";
    }
    void memory_row(const ManifestProcess& process) {
        page_ += fmt::format("<tr><td class=\"n\">{}</td><td>{}</td>", process.pid, escaped(process.comm));
        for (const auto kind :
             {&ProcessMemory::anonymous, &ProcessMemory::shared, &ProcessMemory::file_backed, &ProcessMemory::swapped})
            page_ += fmt::format("<td class=\"n\">{}</td>",
                                 process.memory ? human_bytes((*process.memory).*kind) : std::string("?"));
        page_ += "</tr>\n";
    }

    // Phases in a row, and below them when the tree stood still.
    void timeline() {
        const Timeline line = timeline_of(manifest_);
        title("Timing of the dump");
        if (line.seconds <= 0) {
            page_ += "<p class=\"soft\">The manifest has no times.</p>\n";
            return;
        }
        const auto x = [&](double seconds) { return seconds / line.seconds * k_width; };
        page_ += fmt::format("<svg id=\"timeline\" viewBox=\"0 0 {} 96\" role=\"img\">\n", k_width);
        for (std::size_t i = 0; i < line.phases.size(); ++i) {
            const Phase& phase = line.phases[i];
            const std::string name = fmt::format("{} {}", printable(phase.name), human_seconds(phase.seconds));
            page_ += fmt::format("<g><title>{}</title><rect x=\"{:.1f}\" y=\"4\" width=\"{:.1f}\" height=\"40\" "
                                 "fill=\"{}\" stroke=\"var(--paper)\"/><text class=\"on\" x=\"{:.1f}\" y=\"29\">{}"
                                 "</text></g>\n",
                                 escaped(name), x(phase.begin), x(phase.seconds), k_colours[i % k_colours.size()],
                                 x(phase.begin) + 8, label_for(name, x(phase.seconds)));
        }
        const double left = x(line.frozen_begin);
        const double width = std::max(std::min(x(line.frozen_seconds), k_width - left), 2.0);
        const std::string told =
            fmt::format("frozen: {}{}", line.frozen_is_measured ? "" : "at most ", human_seconds(line.frozen_seconds));
        // The text would leave the picture on the right.
        const bool at_end = left > k_width * 0.6;
        page_ +=
            fmt::format("<rect id=\"frozen\" x=\"{:.1f}\" y=\"50\" width=\"{:.1f}\" height=\"14\" "
                        "fill=\"var(--frozen)\"/><text x=\"{:.1f}\" y=\"84\" text-anchor=\"{}\">{}</text>\n</svg>\n",
                        left, width, at_end ? left + width : left, at_end ? "end" : "start", told);
        page_ += fmt::format("<p class=\"soft\">{} until the manifest was written; what follows it (flushing, moving) "
                             "is not in it.</p>\n",
                             human_seconds(line.seconds));
    }

    void images() {
        title("Images");
        page_ += "<table><tr><th>image</th><th class=\"n\">size</th><th class=\"n\">in the zip</th>"
                 "<th class=\"n\">ratio</th><th></th></tr>\n";
        const double largest = inspection_.images.empty() ? 0 : static_cast<double>(inspection_.images.front().bytes);
        for (const ImageSize& image : inspection_.images) {
            const auto bytes = static_cast<double>(image.bytes);
            page_ += fmt::format(
                "<tr><td class=\"path\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td>"
                "<td class=\"n\">{}</td><td class=\"bar\"><i style=\"width:{:.1f}%\"></i></td></tr>\n",
                escaped(image.name), human_bytes(image.bytes), human_bytes(image.compressed),
                image.compressed == 0 ? "" : fmt::format("{:.1f}x", bytes / static_cast<double>(image.compressed)),
                100 * share(bytes, largest));
        }
        page_ += "</table>\n";
    }

    void files() {
        title("Files that it writes to");
        if (manifest_.files.empty())
            page_ += "<p class=\"soft\">none</p>\n";
        else
            page_ += "<table><tr><th class=\"n\">size</th><th>kept</th><th>path</th></tr>\n";
        for (const CapturedFile& file : manifest_.files)
            page_ += fmt::format(
                "<tr><td class=\"n\">{}</td><td>{}</td><td class=\"path\">{}</td></tr>\n", human_bytes(file.size),
                file.entry.empty() ? file.digest.empty() ? "size" : "digest" : "content", escaped(file.path));
        page_ += manifest_.files.empty() ? "" : "</table>\n";
        if (manifest_.facts)
            open_files(*manifest_.facts);
        sockets();
        page_ += fmt::format("<h2>Files that it needs</h2>\n<details><summary>{} programs, libraries, files and "
                             "folders</summary>\n<pre>",
                             manifest_.required_files.size());
        for (const RequiredFile& file : manifest_.required_files)
            page_ += escaped(file.path) + "\n";
        page_ += "</pre></details>\n";
    }

    void open_files(const RecordedFacts& facts) {
        std::size_t count = 0;
        std::string rows;
        for (const RecordedProcess& process : facts.processes)
            for (const RecordedDescriptor& open : process.descriptors) {
                ++count;
                rows += fmt::format("<tr><td class=\"n\">{}</td><td class=\"n\">{}</td><td>{}</td><td>{}</td>"
                                    "<td class=\"path\">{}</td><td>{}</td></tr>\n",
                                    process.pid, open.fd, name_of(open.kind), access_of(open.flags),
                                    escaped(open.target), escaped(remark_on(open)));
            }
        page_ +=
            fmt::format("<h2>Open, as seen before the freeze</h2>\n<details><summary>{} descriptors</summary>\n<table>"
                        "<tr><th class=\"n\">pid</th><th class=\"n\">fd</th><th>kind</th><th>mode</th>"
                        "<th>what</th><th></th></tr>\n{}</table></details>\n",
                        count, rows);
    }
    void sockets() {
        std::vector<std::string> texts;
        if (manifest_.facts)
            std::ranges::transform(manifest_.facts->sockets, std::back_inserter(texts),
                                   [](const RecordedSocket& socket) { return text_of(socket); });
        else
            std::ranges::transform(manifest_.connections, std::back_inserter(texts),
                                   [](const TcpConnection& connection) { return text_of(connection); });
        title("Sockets");
        if (texts.empty())
            page_ += "<p class=\"soft\">none</p>\n";
        for (const std::string& text : texts)
            page_ += fmt::format("<div>{}</div>\n", escaped(text));
    }

    const Inspection& inspection_;
    const Manifest& manifest_;
    std::string page_;
};

} // namespace

std::string html_page(const Inspection& inspection) { return Page(inspection).text(); }

} // namespace cedana
