// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/statistics.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/criu/image_fields.hpp"
#include "cedana/criu/image_file.hpp"

namespace cedana::criu {

std::optional<DumpStatistics> parse_dump_statistics(std::string_view file) {
    try {
        return parse_image([&] {
            const auto entry = fields_of<StatsEntry>(ImageReader(file, ImageKind::statistics).next());
            const auto dump = fields_of<DumpStatsEntry>(bytes_in(entry, StatsEntry::dump));
            return DumpStatistics{.freezing =
                                      std::chrono::microseconds(number_in(dump, DumpStatsEntry::freezing_time, 0)),
                                  .frozen = std::chrono::microseconds(number_in(dump, DumpStatsEntry::frozen_time, 0))};
        });
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
