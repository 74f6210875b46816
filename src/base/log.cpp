// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/log.hpp"

#include "cedana/base/text.hpp"

#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <unistd.h>

namespace cedana {

namespace {

constexpr char k_printable_text = '*';

// The text of a message on one line, whatever names of files and programs are in it.
class PrintableText : public spdlog::custom_flag_formatter {
  public:
    void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
        const std::string text = printable({message.payload.data(), message.payload.size()});
        out.append(text.data(), text.data() + text.size());
    }
    [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
        return std::make_unique<PrintableText>();
    }
};

} // namespace

void set_up_log(Verbosity verbosity) {
    auto sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
    if (const char* unwanted = std::getenv("NO_COLOR"); unwanted != nullptr && *unwanted != '\0')
        sink->set_color_mode(spdlog::color_mode::never);
    auto log = std::make_shared<spdlog::logger>("cedana", std::move(sink));
    auto formatter = std::make_unique<spdlog::pattern_formatter>();
    // On a terminal a line of progress may stand where the log goes on: it is erased first.
    formatter->add_flag<PrintableText>(k_printable_text)
        .set_pattern(::isatty(STDERR_FILENO) == 1 ? "\r\x1b[K%^%l%$: %*" : "%^%l%$: %*");
    log->set_formatter(std::move(formatter));
    log->set_level(verbosity == Verbosity::verbose  ? spdlog::level::debug
                   : verbosity == Verbosity::normal ? spdlog::level::warn
                                                    : spdlog::level::err);
    spdlog::set_default_logger(std::move(log));
}

} // namespace cedana
