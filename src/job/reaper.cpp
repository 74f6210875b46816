// SPDX-License-Identifier: Apache-2.0
#include "cedana/job/reaper.hpp"

extern "C" {
extern const char cedana_reaper_program[];
extern const char cedana_reaper_program_end[];
}

namespace cedana::job {

std::string_view reaper_program() {
    return {cedana_reaper_program, static_cast<std::size_t>(cedana_reaper_program_end - cedana_reaper_program)};
}

} // namespace cedana::job
