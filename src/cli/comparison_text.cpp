// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/text.hpp"
#include "cedana/cli/inspection.hpp"
#include "cedana/cli/output.hpp"

#include <initializer_list>
#include <string>
#include <string_view>

#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

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

Table processes_of(const Comparison& comparison) {
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

Table files_of(const Comparison& comparison) {
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

Table descriptors_of(const Comparison& comparison) {
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

Table sockets_of(const Comparison& comparison) {
    Table table({{.title = "SOCKET", .elastic = true}, {.title = "CHANGE"}, {.title = "COUNT", .rank = 1}});
    for (const SocketChange& one : comparison.sockets)
        if (one.change != Change::same)
            table.add({printable(one.text), cell_of(one.change), counts(one.before, one.after)});
    return table;
}

} // namespace

void print_comparison(const Inspection& before, const Inspection& after) {
    const Comparison comparison = compare(before.manifest, after.manifest);
    const auto print_heading = [](std::string_view title, const Inspection& one) {
        print_line(fmt::format("{:<5}{}", title, printable(one.path.string())));
        print_line(fmt::format("     {}, {}", printable(one.manifest.created), human_bytes(one.bytes_archive)));
    };
    print_heading("from", before);
    print_heading("to", after);
    if (!comparison.same_process)
        print_line("these are not of the same process");
    print_line("");
    print_table(processes_of(comparison));
    bool any = false;
    for (const Table& table : {files_of(comparison), descriptors_of(comparison), sockets_of(comparison)}) {
        if (table.empty())
            continue;
        any = true;
        print_line("");
        print_table(table);
    }
    if (!any)
        print_line("\nfiles, descriptors and sockets are the same");
}

} // namespace cedana
