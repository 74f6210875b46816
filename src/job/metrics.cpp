// SPDX-License-Identifier: Apache-2.0
#include "cedana/job/metrics.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/time_text.hpp"
#include "cedana/host/permissions.hpp"

#include <chrono>
#include <string_view>

#include <spdlog/fmt/fmt.h>

#include <unistd.h>

namespace cedana::job {

namespace {

// Seconds since 1970.
std::int64_t stamp_of(MetricsTime when) {
    return std::chrono::duration_cast<std::chrono::seconds>(when.time_since_epoch()).count();
}

// Absent for what is no time.
std::optional<std::int64_t> stamp_of(const std::string& time) {
    const auto when = parse_utc_iso(time);
    return when ? std::optional(stamp_of(*when)) : std::nullopt;
}

// OpenMetrics, escaped-string. What is no UTF-8 or moves a terminal is spelt.
std::string escaped(const std::string& text) {
    std::string result;
    for (const char one : printable(text)) {
        if (one == '\\' || one == '"')
            result += '\\';
        result += one;
    }
    return result;
}

class Text {
  public:
    Text(std::string_view kind, const std::string& name) : label_(fmt::format("{}=\"{}\"", kind, escaped(name))) {}

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

constexpr mode_t k_for_all = 0644;
constexpr std::string_view k_of_names = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

} // namespace

std::string dump_text(const std::string& subject, MetricsTime made, const DumpFigures& figures) {
    Text text("dump", subject);
    text.gauge("cedana_checkpoint_last_success_timestamp_seconds", stamp_of(made));
    text.gauge("cedana_checkpoint_duration_seconds", figures.seconds);
    if (figures.frozen_seconds)
        text.gauge("cedana_checkpoint_frozen_seconds", *figures.frozen_seconds);
    text.gauge("cedana_checkpoint_size_bytes", figures.bytes);
    return text.finish();
}

std::string attempt_text(const std::string& subject, MetricsTime begun) {
    Text text("dump", subject);
    text.gauge("cedana_checkpoint_last_attempt_timestamp_seconds", stamp_of(begun));
    return text.finish();
}

std::string metrics_text(const std::string& name, const JobState& state) {
    Text text("job", name);
    // A stateset is unknown to the text format of Prometheus.
    text.family("cedana_job_state", "gauge");
    for (int number = 0; number <= static_cast<int>(Phase::failed); ++number) {
        const auto phase = static_cast<Phase>(number);
        text.sample("cedana_job_state", phase == state.phase ? 1 : 0, fmt::format(",state=\"{}\"", name_of(phase)));
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
    text.family("cedana_restores", "counter");
    text.sample("cedana_restores_total", state.restores_in_all, ",result=\"success\"");
    text.sample("cedana_restores_total", state.failed_restores, ",result=\"failure\"");
    text.family("cedana_restarts", "counter");
    text.sample("cedana_restarts_total", state.restarts_in_all);
    text.gauge("cedana_lease_epoch", state.epoch);
    return text.finish();
}

void write_metrics(const std::filesystem::path& file, const std::string& text, const Caller& caller, Warned& warned) {
    try {
        static_cast<void>(with_rights_of(caller, [&] {
            replace_file(file, text, k_for_all);
            return std::string();
        }));
        warned.works("metrics");
    } catch (const Error& error) {
        warned.fails("metrics", "the metrics could not be written: " + error.message());
    }
}

void write_textfile(const Config& config, const std::string& name, const std::string& text, Warned& warned) {
    if (config.metrics_textfile_dir.empty() || ::geteuid() != 0)
        return;
    std::string file = name + ".prom";
    for (char& one : file)
        if (k_of_names.find(one) == std::string_view::npos)
            one = '_';
    try {
        const std::filesystem::path folder(config.metrics_textfile_dir);
        require_trusted_store(config, Caller{.uid = 0, .gid = 0, .name = "root", .home = {}}, folder,
                              "metrics.textfile_dir");
        replace_file(folder / file, text, k_for_all);
        warned.works("textfile");
    } catch (const Error& error) {
        warned.fails("textfile", "the metrics could not be written: " + error.message());
    }
}

} // namespace cedana::job
