// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/statistics.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/criu/wire.hpp"

#include <cstdint>
#include <cstring>

namespace cedana::criu {

namespace {

// criu/include/magic.h: IMG_SERVICE_MAGIC, STATS_MAGIC, then the length of the one message.
constexpr std::uint32_t k_service_magic = 0x55105940;
constexpr std::uint32_t k_stats_magic = 0x57093306;
constexpr std::size_t k_header = 3 * sizeof(std::uint32_t);

} // namespace

std::optional<DumpStatistics> parse_dump_statistics(std::string_view file) {
    std::uint32_t header[3];
    if (file.size() < k_header)
        return std::nullopt;
    std::memcpy(header, file.data(), k_header);
    if (header[0] != k_service_magic || header[1] != k_stats_magic || header[2] > file.size() - k_header)
        return std::nullopt;
    try {
        DumpStatistics statistics;
        WireReader entry(file.substr(k_header, header[2]));
        while (const auto outer = entry.next()) {
            if (outer->number != 1 || !outer->bytes)
                continue;
            WireReader dump(*outer->bytes);
            while (const auto field = dump.next()) {
                if (field->number == 1 && field->value)
                    statistics.freezing = std::chrono::microseconds(*field->value);
                if (field->number == 2 && field->value)
                    statistics.frozen = std::chrono::microseconds(*field->value);
            }
        }
        return statistics;
    } catch (const Error&) {
        return std::nullopt;
    }
}

std::optional<DumpStatistics> read_dump_statistics(const std::filesystem::path& work) {
    try {
        return parse_dump_statistics(read_file(work / "stats-dump"));
    } catch (const Error&) {
        return std::nullopt;
    }
}

} // namespace cedana::criu
