// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/text.hpp"
#include "cedana/cli/inspection.hpp"
#include "cedana/cli/table.hpp"

#include <cstdint>
#include <optional>
#include <string>

#include <spdlog/fmt/fmt.h>

#include <sys/mman.h>

namespace cedana {

namespace {

std::string address(const std::optional<std::uint64_t>& value) {
    return value ? fmt::format("{:012x}", *value) : std::string("?");
}

std::string kept(const std::optional<std::uint64_t>& bytes) {
    return !bytes ? "?" : *bytes == 0 ? std::string() : human_bytes(*bytes);
}

} // namespace

std::string mode_of(const criu::Mapping& mapping) {
    const auto letter = [&](unsigned bit, char set) { return (mapping.protection & bit) != 0 ? set : '-'; };
    return {letter(PROT_READ, 'r'), letter(PROT_WRITE, 'w'), letter(PROT_EXEC, 'x'), mapping.is_shared ? 's' : 'p'};
}

Table mapping_table(const MemoryMap& map) {
    Table table({{.title = "ADDRESS"},
                 {.title = "SIZE", .align = Align::right},
                 {.title = "KEPT", .align = Align::right},
                 {.title = "MODE", .rank = 1},
                 {.title = "WHAT", .elastic = true, .keep = Keep::end}});
    for (const MappedRange& range : map.ranges)
        table.add({address(range.mapping.start), human_bytes(range.mapping.end - range.mapping.start),
                   kept(range.bytes_in_images), mode_of(range.mapping), printable(range.name)});
    return table;
}

Table thread_table(const MemoryMap& map) {
    Table table({{.title = "TID", .align = Align::right},
                 {.title = "NAME", .rank = 1},
                 {.title = "STACK AT", .rank = 2},
                 {.title = "GOES ON AT"},
                 {.title = "IN", .elastic = true, .keep = Keep::end}});
    for (const ThreadPlace& thread : map.threads)
        table.add({std::to_string(thread.tid), printable(thread.state.comm), address(thread.state.stack),
                   address(thread.state.instruction),
                   thread.state.instruction ? printable(map.place_of(*thread.state.instruction)) : ""});
    return table;
}

} // namespace cedana
