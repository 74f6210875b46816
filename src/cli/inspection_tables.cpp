// SPDX-License-Identifier: Apache-2.0
#include "cedana/cli/inspection_tables.hpp"

#include "cedana/base/text.hpp"
#include "cedana/cli/bar.hpp"

#include <algorithm>
#include <functional>
#include <string_view>

#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

std::vector<Cell> memory_row(const ManifestProcess& process, std::uint64_t largest) {
    const auto kind = [&](std::uint64_t ProcessMemory::*member) {
        return process.memory ? human_bytes((*process.memory).*member) : std::string("?");
    };
    const std::uint64_t total = total_memory_of(process);
    return {std::to_string(process.pid),
            printable(process.comm),
            kind(&ProcessMemory::anonymous),
            kind(&ProcessMemory::shared),
            kind(&ProcessMemory::file_backed),
            kind(&ProcessMemory::swapped),
            human_bytes(total),
            Cell(bar(share(static_cast<double>(total), static_cast<double>(largest)), k_bar_columns), Colour::blue)};
}

std::string uses_of(const CapturedFile& file) {
    std::vector<std::string> uses;
    for (const FileUse& use : file.uses)
        uses.push_back(use.fd < 0 ? fmt::format("{} mapped", use.pid) : fmt::format("{}:{}", use.pid, use.fd));
    return fmt::format("{}", fmt::join(uses, ", "));
}

std::string signed_bytes(std::uint64_t before, std::uint64_t after) {
    return before == after  ? "="
           : before < after ? fmt::format("+{}", human_bytes(after - before))
                            : fmt::format("-{}", human_bytes(before - after));
}

std::string counts(std::size_t before, std::size_t after) {
    return before == after ? std::to_string(after) : fmt::format("{} to {}", before, after);
}

Colour colour_of(Change change) {
    return change == Change::added     ? Colour::green
           : change == Change::removed ? Colour::red
           : change == Change::changed ? Colour::yellow
                                       : Colour::none;
}

Cell cell_of(Change change) { return {std::string(name_of(change)), colour_of(change)}; }

Table changed_files(const Comparison& comparison) {
    Table table({{.title = "FILE", .elastic = true, .keep = Keep::end},
                 {.title = "CHANGE"},
                 {.title = "SIZE", .align = Align::right},
                 {.title = "AFTER", .align = Align::right, .rank = 1}});
    for (const FileChange& one : comparison.files)
        if (one.change != Change::same)
            table.add({printable(one.path), cell_of(one.change), signed_bytes(one.bytes_before, one.bytes_after),
                       human_bytes(one.bytes_after)});
    return table;
}

Table changed_descriptors(const Comparison& comparison) {
    Table table({{.title = "PID", .align = Align::right},
                 {.title = "FD", .align = Align::right},
                 {.title = "CHANGE"},
                 {.title = "OPEN", .elastic = true}});
    for (const DescriptorChange& one : comparison.descriptors)
        if (one.change != Change::same)
            table.add({std::to_string(one.pid), std::to_string(one.fd), cell_of(one.change),
                       printable(one.before.empty()  ? one.after
                                 : one.after.empty() ? one.before
                                                     : fmt::format("{} to {}", one.before, one.after))});
    return table;
}

Table changed_sockets(const Comparison& comparison) {
    Table table({{.title = "SOCKET", .elastic = true}, {.title = "CHANGE"}, {.title = "COUNT", .rank = 1}});
    for (const SocketChange& one : comparison.sockets)
        if (one.change != Change::same)
            table.add({printable(one.text), cell_of(one.change), counts(one.before, one.after)});
    return table;
}

} // namespace

std::uint64_t total_memory_of(const ManifestProcess& process) {
    return process.memory ? process.memory->total() : process.resident_bytes;
}

Table memory_table(const Manifest& manifest) {
    Table table({{.title = "PID", .align = Align::right},
                 {.title = "PROGRAM", .rank = 1},
                 {.title = "ANONYMOUS", .align = Align::right},
                 {.title = "SHARED", .align = Align::right},
                 {.title = "FILES", .align = Align::right},
                 {.title = "SWAPPED", .align = Align::right},
                 {.title = "TOTAL", .align = Align::right},
                 {.title = "", .rank = 2}});
    std::vector<ManifestProcess> processes = manifest.tree;
    std::ranges::stable_sort(processes, std::greater<>(), total_memory_of);
    ProcessMemory own;
    for (const ManifestProcess& process : processes) {
        table.add(memory_row(process, total_memory_of(processes.front())));
        const ProcessMemory memory = process.memory.value_or(ProcessMemory());
        own.anonymous += memory.anonymous;
        own.swapped += memory.swapped;
    }
    if (processes.size() > 1 && std::ranges::all_of(processes, [](const auto& one) { return one.memory.has_value(); }))
        table.add({"all", "", human_bytes(own.anonymous), "", "", human_bytes(own.swapped), "", ""});
    return table;
}

Table written_files_table(const Manifest& manifest, std::size_t most) {
    Table table({{.title = "SIZE", .align = Align::right},
                 {.title = "KEPT", .rank = 1},
                 {.title = "BY", .rank = 2},
                 {.title = "PATH", .elastic = true, .keep = Keep::end}});
    for (std::size_t i = 0; i < std::min(manifest.files.size(), most); ++i) {
        const CapturedFile& file = manifest.files[i];
        table.add({human_bytes(file.size), file.entry.empty() ? file.digest.empty() ? "size" : "digest" : "content",
                   uses_of(file), printable(file.path)});
    }
    return table;
}

Table images_table(const std::vector<ImageSize>& images, std::size_t most) {
    Table table({{.title = "IMAGE", .elastic = true, .keep = Keep::end},
                 {.title = "SIZE", .align = Align::right},
                 {.title = "IN ZIP", .align = Align::right},
                 {.title = "RATIO", .align = Align::right, .rank = 1},
                 {.title = "", .rank = 2}});
    const double largest = images.empty() ? 0 : static_cast<double>(images.front().bytes);
    for (std::size_t i = 0; i < std::min(images.size(), most); ++i) {
        const ImageSize& image = images[i];
        const auto bytes = static_cast<double>(image.bytes);
        table.add({printable(image.name), human_bytes(image.bytes), human_bytes(image.compressed),
                   image.compressed == 0 ? "" : fmt::format("{:.1f}x", bytes / static_cast<double>(image.compressed)),
                   Cell(bar(share(bytes, largest), k_bar_columns), Colour::blue)});
    }
    return table;
}

Table needed_files_table(const Manifest& manifest) {
    Table table({{.title = "SIZE", .align = Align::right}, {.title = "PATH", .elastic = true, .keep = Keep::end}});
    for (const RequiredFile& file : manifest.required_files)
        table.add({file.kind == RequiredKind::file     ? human_bytes(file.size)
                   : file.kind == RequiredKind::folder ? "folder"
                                                       : "other",
                   printable(file.path)});
    return table;
}

Table changed_processes_table(const Comparison& comparison) {
    Table table({{.title = "PID", .align = Align::right},
                 {.title = "PROGRAM", .elastic = true},
                 {.title = "CHANGE"},
                 {.title = "MEMORY", .align = Align::right},
                 {.title = "BEFORE", .align = Align::right, .rank = 1},
                 {.title = "AFTER", .align = Align::right},
                 {.title = "THREADS", .align = Align::right, .rank = 2}});
    for (const ProcessChange& one : comparison.processes)
        table.add({std::to_string(one.pid), printable(one.comm), cell_of(one.change),
                   signed_bytes(one.bytes_before, one.bytes_after), human_bytes(one.bytes_before),
                   human_bytes(one.bytes_after), counts(one.threads_before, one.threads_after)});
    return table;
}

std::vector<Table> changed_tables(const Comparison& comparison) {
    std::vector<Table> tables = {changed_files(comparison), changed_descriptors(comparison),
                                 changed_sockets(comparison)};
    std::erase_if(tables, [](const Table& table) { return table.empty(); });
    return tables;
}

std::string signature_text(const SignatureState& signature) {
    if (signature.by == SignedBy::nobody)
        return "by nobody";
    return fmt::format("by the key {} ({})", signature.key_id, name_of(signature.by));
}

} // namespace cedana
