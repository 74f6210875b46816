// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/log.hpp"

#include "cedana/base/text.hpp"

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <spdlog/details/log_msg_buffer.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <poll.h>
#include <unistd.h>

namespace cedana {

namespace {

constexpr char k_printable_text = '*';

// The text of a message on one line, whatever names of files and programs are in it.
class PrintableText : public spdlog::custom_flag_formatter {
  public:
    explicit PrintableText(LogShape shape) : shape_(shape) {}

    void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
        std::string text = printable({message.payload.data(), message.payload.size()});
        if (shape_ != nullptr)
            text = shape_(text);
        out.append(text.data(), text.data() + text.size());
    }
    [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
        return std::make_unique<PrintableText>(shape_);
    }

  private:
    LogShape shape_;
};

// How many PatientLogs there are.
std::atomic<int> patient = 0;

bool has_room(int fd) {
    pollfd entry{.fd = fd, .events = POLLOUT, .revents = 0};
    // A pipe that has room at all has it for a message as long as PIPE_BUF (pipe(7)).
    return ::poll(&entry, 1, 0) == 1 && (entry.revents & (POLLOUT | POLLERR)) != 0;
}

// Keeps what its reader does not take while a PatientLog is there.
class PatientSink : public spdlog::sinks::base_sink<std::mutex> {
  public:
    explicit PatientSink(spdlog::sink_ptr out) : out_(std::move(out)) {}

  protected:
    void sink_it_(const spdlog::details::log_msg& message) override {
        if (patient == 0) {
            flush_();
            return out_->log(message);
        }
        if (kept_.empty() && message.payload.size() < k_short && has_room(STDERR_FILENO))
            return out_->log(message);
        if (kept_.size() < k_most_kept)
            kept_.emplace_back(message);
    }
    void flush_() override {
        if (patient != 0)
            return;
        for (const spdlog::details::log_msg_buffer& message : std::exchange(kept_, {}))
            out_->log(message);
        out_->flush();
    }
    void set_pattern_(const std::string& pattern) override { out_->set_pattern(pattern); }
    void set_formatter_(std::unique_ptr<spdlog::formatter> formatter) override {
        out_->set_formatter(std::move(formatter));
    }

  private:
    static constexpr std::size_t k_short = 3072;
    static constexpr std::size_t k_most_kept = 10'000;

    spdlog::sink_ptr out_;
    std::vector<spdlog::details::log_msg_buffer> kept_;
};

} // namespace

PatientLog::PatientLog() noexcept { ++patient; }

void PatientLog::let() noexcept {
    if (!std::exchange(holds_, false))
        return;
    --patient;
    spdlog::default_logger_raw()->flush();
}

bool PatientLog::is_held() noexcept { return patient != 0; }

bool PatientLog::may_write(int fd) noexcept { return !is_held() || has_room(fd); }

void set_up_log(Verbosity verbosity, LogShape shape) {
    auto terminal = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
    if (const char* unwanted = std::getenv("NO_COLOR"); unwanted != nullptr && *unwanted != '\0')
        terminal->set_color_mode(spdlog::color_mode::never);
    auto log = std::make_shared<spdlog::logger>("cedana", std::make_shared<PatientSink>(std::move(terminal)));
    auto formatter = std::make_unique<spdlog::pattern_formatter>();
    // On a terminal a line of progress may stand where the log goes on: it is erased first.
    formatter->add_flag<PrintableText>(k_printable_text, shape)
        .set_pattern(::isatty(STDERR_FILENO) == 1 ? "\r\x1b[K%^%l%$: %*" : "%^%l%$: %*");
    log->set_formatter(std::move(formatter));
    log->set_level(verbosity == Verbosity::verbose  ? spdlog::level::debug
                   : verbosity == Verbosity::normal ? spdlog::level::warn
                                                    : spdlog::level::err);
    spdlog::set_default_logger(std::move(log));
}

} // namespace cedana
