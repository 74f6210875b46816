// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/log.hpp"

#include <memory>

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

namespace cedana {

void set_up_log(Verbosity verbosity) {
    auto log = std::make_shared<spdlog::logger>("cedana", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    log->set_pattern("%^%l%$: %v");
    log->set_level(verbosity == Verbosity::verbose  ? spdlog::level::debug
                   : verbosity == Verbosity::normal ? spdlog::level::warn
                                                    : spdlog::level::err);
    spdlog::set_default_logger(std::move(log));
}

} // namespace cedana
