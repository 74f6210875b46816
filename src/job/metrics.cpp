// SPDX-License-Identifier: Apache-2.0
#include "cedana/job/metrics.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/time_text.hpp"

#include <chrono>
#include <string_view>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <sys/stat.h>

namespace cedana::job {

namespace {

// Seconds since 1970; absent for what is no time.
std::optional<std::int64_t> stamp_of(const std::string& time) {
    const auto when = parse_utc_iso(time);
    if (!when)
        return std::nullopt;
    return std::chrono::duration_cast<std::chrono::seconds>(when->time_since_epoch()).count();
}

class Text {
  public:
    explicit Text(const std::string& job) : label_(fmt::format("job=\"{}\"", job)) {}

    void family(std::string_view name, std::string_view type) { text_ += fmt::format("# TYPE {} {}\n", name, type); }
    template <typename Value>
    void sample(std::string_view name, Value value, std::string_view more = "") {
        text_ += fmt::format("{}{{{}{}}} {}\n", name, label_, more, value);
    }
    template <typename Value>
    void gauge(std::string_view name, Value value) {
        family(name, "gauge");
        sample(name, value);
    }
    [[nodiscard]] std::string finish() { return text_ + "# EOF\n"; }

  private:
    std::string label_;
    std::string text_;
};

} // namespace

std::string metrics_text(const std::string& name, const JobState& state) {
    Text text(name);
    text.family("cedana_job_state", "stateset");
    for (int number = 0; number <= static_cast<int>(Phase::failed); ++number) {
        const auto phase = static_cast<Phase>(number);
        text.sample("cedana_job_state", phase == state.phase ? 1 : 0,
                    fmt::format(",cedana_job_state=\"{}\"", name_of(phase)));
    }
    if (!state.chain.empty()) {
        const JobCheckpoint& last = state.chain.front();
        if (const auto stamp = stamp_of(last.created))
            text.gauge("cedana_checkpoint_last_success_timestamp_seconds", *stamp);
        text.gauge("cedana_checkpoint_duration_seconds", last.seconds);
        text.gauge("cedana_checkpoint_frozen_seconds", last.frozen_seconds);
        text.gauge("cedana_checkpoint_size_bytes", last.bytes);
    }
    if (const auto stamp = stamp_of(state.last_attempt))
        text.gauge("cedana_checkpoint_last_attempt_timestamp_seconds", *stamp);
    text.family("cedana_checkpoints", "counter");
    text.sample("cedana_checkpoints_total", state.checkpoints_in_all, ",result=\"success\"");
    text.sample("cedana_checkpoints_total", state.failed_checkpoints, ",result=\"failure\"");
    text.family("cedana_restarts", "counter");
    text.sample("cedana_restarts_total", state.restarts_in_all);
    text.gauge("cedana_lease_epoch", state.epoch);
    return text.finish();
}

void write_metrics(const std::filesystem::path& file, const std::string& text, const Caller& caller) {
    try {
        static_cast<void>(with_rights_of(caller, [&] {
            replace_file(file, text);
            ::chmod(file.c_str(), 0644);
            return std::string();
        }));
    } catch (const Error& error) {
        spdlog::warn("the metrics of the job could not be written: {}", error.message());
    }
}

} // namespace cedana::job
