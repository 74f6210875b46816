// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/text.hpp"
#include "cedana/cli/inspection.hpp"
#include "cedana/cli/inspection_tables.hpp"
#include "cedana/cli/output.hpp"

#include <string_view>
#include <vector>

#include <spdlog/fmt/fmt.h>

namespace cedana {

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
    print_table(changed_processes_table(comparison));
    const std::vector<Table> tables = changed_tables(comparison);
    for (const Table& table : tables) {
        print_line("");
        print_table(table);
    }
    if (tables.empty())
        print_line("\nfiles, descriptors and sockets are the same");
}

} // namespace cedana
