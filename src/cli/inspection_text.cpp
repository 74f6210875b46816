// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/text.hpp"
#include "cedana/base/time_text.hpp"
#include "cedana/cli/bar.hpp"
#include "cedana/cli/container_text.hpp"
#include "cedana/cli/facts_text.hpp"
#include "cedana/cli/inspection.hpp"
#include "cedana/cli/inspection_tables.hpp"
#include "cedana/cli/output.hpp"
#include "cedana/cli/process_tree.hpp"

#include <algorithm>
#include <vector>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

#include <unistd.h>

namespace cedana {

namespace {

// Of lists that were not asked for by name.
constexpr std::size_t k_shown = 10;

class InspectionText {
  public:
    InspectionText(const Inspection& inspection, const Sections& sections)
        : inspection_(inspection), manifest_(inspection.manifest), sections_(sections) {}

    void print() {
        if (sections_.empty())
            head();
        part(Section::tree, [this] { tree(); });
        part(Section::memory, [this] { memory(); });
        part(Section::files, [this] { files(); });
        part(Section::sockets, [this] { sockets(); });
        part(Section::images, [this] { images(); });
        part(Section::timing, [this] { timing(); });
        for (const MemoryMap& map : inspection_.maps) {
            part(Section::maps, [&] { memory_map(map); });
            part(Section::maps, [&] { threads(map); });
        }
    }

  private:
    template <typename Work>
    void part(Section section, Work work) {
        if (!sections_.empty() && !sections_.contains(section))
            return;
        if (printed_)
            print_line("");
        printed_ = true;
        work();
    }
    void title(const std::string& text) { print_line(painted(text, Colour::bold, paint_)); }
    void indented(const Table& table) {
        for (const std::string& line : table.lines(width_ == 0 ? 0 : width_ - 2, paint_))
            print_line("  " + line);
    }
    [[nodiscard]] std::size_t most() const { return sections_.empty() ? k_shown : SIZE_MAX; }
    void rest(std::size_t count, const char* flag) const {
        if (count > most())
            print_line(fmt::format("  … and {} more: --{} lists them all", count - most(), flag));
    }

    void head() {
        printed_ = true;
        const Manifest& m = manifest_;
        title(printable(inspection_.path.string()));
        std::size_t threads = 0;
        for (const ManifestProcess& process : m.tree)
            threads += process.threads.size();
        fact("program", fmt::format("{}, pid {}: {} process{} with {} thread{}", printable(m.name), m.tree.front().pid,
                                    m.tree.size(), m.tree.size() == 1 ? "" : "es", threads, threads == 1 ? "" : "s"));
        if (!m.label.empty())
            fact("label", printable(m.label));
        if (!m.note.empty())
            fact("note", printable(m.note));
        if (m.container)
            for (const auto& [name, value] : container_facts(*m.container))
                fact(name, value);
        const auto when = parse_utc_iso(m.created);
        const std::string age = when ? human_age(std::chrono::duration_cast<std::chrono::seconds>(
                                           std::chrono::system_clock::now() - *when)) +
                                           " ago"
                                     : "at no known time";
        fact("created", fmt::format("{}, {}, by cedana {} with CRIU {}", printable(m.created), age,
                                    printable(m.cedana_version), printable(m.criu_version)));
        fact("host", fmt::format("{}, Linux {}, {}, {}", printable(m.host.name), printable(m.host.kernel),
                                 printable(m.host.machine), printable(m.host.cpu_model)));
        fact("size",
             fmt::format("{}, of {} in {} images ({:.1f}x)", human_bytes(inspection_.bytes_archive),
                         human_bytes(m.bytes_images), m.images,
                         share(static_cast<double>(m.bytes_images), static_cast<double>(inspection_.bytes_archive))));
        fact("signed", signature_text(inspection_.signature));
        if (inspection_.encrypted)
            fact("encrypted", "yes");
        fact("options", options_text(m.criu_options));
        fact("terminal",
             m.criu_options.shell_job ? "belongs to a shell's session or terminal: restore from a terminal" : "none");
        for (const std::string& reason : m.cannot_be_restored)
            fact("restore", "never, because " + printable(reason));
        fact("then", m.leave_running ? "the process ran on" : "the process ended");
    }
    static void fact(std::string_view name, const std::string& value) {
        print_text(fmt::format("  {:<9} {}", name, value), 12);
    }

    void tree() {
        title("Tree");
        Table table({{.title = "PID", .align = Align::right},
                     {.title = "THREADS", .align = Align::right, .rank = 1},
                     {.title = "MEMORY", .align = Align::right},
                     {.title = "SESSION", .align = Align::right, .rank = 3},
                     {.title = "TERMINAL", .rank = 2},
                     {.title = "COMMAND", .elastic = true}});
        for (const TreeLine& line : draw_tree(manifest_.tree)) {
            const RecordedProcess* const facts = facts_of(line.process->pid);
            table.add({std::to_string(line.process->pid), std::to_string(line.process->threads.size()),
                       human_bytes(line.process->resident_bytes),
                       facts == nullptr ? "" : std::to_string(facts->session),
                       facts == nullptr ? "" : printable(facts->terminal), line.branches + command_of(*line.process)});
        }
        indented(table);
        if (manifest_.facts)
            lines(place_lines(*manifest_.facts));
    }
    [[nodiscard]] const RecordedProcess* facts_of(pid_t pid) const {
        if (!manifest_.facts)
            return nullptr;
        const auto found = std::ranges::find(manifest_.facts->processes, pid, &RecordedProcess::pid);
        return found == manifest_.facts->processes.end() ? nullptr : &*found;
    }

    void memory() {
        title("Memory, as seen before the freeze");
        indented(memory_table(manifest_));
    }

    void files() {
        written_files();
        if (manifest_.facts) {
            print_line("");
            open_files(*manifest_.facts);
        }
        print_line("");
        needed_files();
    }
    void written_files() {
        title("Files that it writes to");
        if (manifest_.files.empty())
            print_line("  none");
        else
            indented(written_files_table(manifest_, most()));
        rest(manifest_.files.size(), "files");
    }
    void open_files(const RecordedFacts& facts) {
        title("Open, as seen before the freeze");
        if (sections_.empty())
            return lines(open_lines(facts));
        indented(open_table(facts));
        std::uint64_t more = 0;
        for (const RecordedProcess& process : facts.processes)
            more += process.descriptors_left_out;
        not_recorded(more);
    }
    void needed_files() {
        title("Files that it needs");
        if (sections_.empty())
            return print_line(fmt::format("  {} programs, libraries, files and folders: --files lists them",
                                          manifest_.required_files.size()));
        indented(needed_files_table(manifest_));
    }

    void sockets() {
        title("Sockets");
        std::vector<std::string> texts;
        if (!manifest_.facts)
            for (const TcpConnection& connection : manifest_.connections)
                texts.push_back(text_of(connection));
        else if (sections_.empty())
            for (const RecordedSocket& socket : manifest_.facts->sockets)
                texts.push_back(text_of(socket));
        else if (!manifest_.facts->sockets.empty()) {
            indented(socket_table(*manifest_.facts));
            return not_recorded(manifest_.facts->sockets_left_out);
        }
        if (texts.empty())
            print_line("  none");
        for (std::size_t i = 0; i < std::min(texts.size(), most()); ++i)
            print_line("  " + printable(texts[i]));
        rest(texts.size(), "sockets");
    }
    static void not_recorded(std::uint64_t count) {
        if (count != 0)
            print_line(fmt::format("  and {} more that were not recorded", count));
    }
    void lines(const std::vector<std::string>& texts) const {
        for (const std::string& text : texts)
            print_line(fmt::format("  {}", width_ == 0 ? text : fitted(text, width_ - 2)));
    }

    void images() {
        title("Images");
        indented(images_table(inspection_.images, most()));
        rest(inspection_.images.size(), "images");
    }

    void timing() {
        title("Timing of the dump, up to writing the manifest");
        const Timeline timeline = timeline_of(manifest_);
        Table table({{.title = "PHASE"}, {.title = "TIME", .align = Align::right}, {.title = "", .rank = 1}});
        for (const Phase& phase : timeline.phases)
            table.add({printable(phase.name), human_seconds(phase.seconds),
                       Cell(bar(share(phase.seconds, timeline.seconds), k_bar_columns), Colour::blue)});
        indented(table);
        print_line(fmt::format("  stood still for {}{}", timeline.frozen_is_measured ? "" : "at most ",
                               human_seconds(timeline.frozen_seconds)));
    }

    void memory_map(const MemoryMap& map) {
        title(fmt::format("Memory map of {} ({})", map.pid, printable(map.comm)));
        indented(mapping_table(map));
    }
    void threads(const MemoryMap& map) {
        title(fmt::format("Threads of {} ({})", map.pid, printable(map.comm)));
        indented(thread_table(map));
    }

    const Inspection& inspection_;
    const Manifest& manifest_;
    const Sections& sections_;
    std::size_t width_ = terminal_width(STDOUT_FILENO);
    Paint paint_ = paint_for(STDOUT_FILENO);
    bool printed_ = false;
};

} // namespace

std::vector<std::string> options_of(const CriuOptions& options) {
    std::vector<std::string> texts;
    const auto add = [&](bool set, std::string text) {
        if (set)
            texts.push_back(std::move(text));
    };
    add(options.shell_job, "--shell-job");
    add(options.tcp_established, "--tcp-established");
    add(!options.network_lock.empty(), "--network-lock " + options.network_lock);
    add(options.external_unix_sockets, "--ext-unix-sk");
    add(options.file_locks, "--file-locks");
    add(options.link_remap, "--link-remap");
    add(options.ignore_cgroups, "--manage-cgroups=ignore");
    add(options.ghost_limit != 0, "--ghost-limit " + human_bytes(options.ghost_limit));
    for (const std::string& extra : options.extra)
        texts.push_back(extra);
    return texts;
}

std::string options_text(const CriuOptions& options) {
    const std::vector<std::string> texts = options_of(options);
    return texts.empty() ? "none" : printable(fmt::format("{}", fmt::join(texts, " ")));
}

void print_inspection(const Inspection& inspection, const Sections& sections) {
    InspectionText(inspection, sections).print();
}

} // namespace cedana
