// SPDX-License-Identifier: Apache-2.0
#include "cedana/cli/job_messages.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/warned.hpp"
#include "cedana/cli/jobs.hpp"
#include "cedana/cli/output.hpp"
#include "cedana/cli/progress_line.hpp"
#include "cedana/job/metrics.hpp"
#include "cedana/job/service_notice.hpp"

#include <chrono>
#include <memory>
#include <system_error>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <unistd.h>

namespace cedana {

namespace {

using Json = nlohmann::ordered_json;

// How often the service manager is asked for more time.
constexpr std::chrono::seconds k_extend_every{5};

// There as long as the program runs, with its pid. What cannot be written is a warning.
void show_ready(const std::filesystem::path& file, const job::JobState& state, const Caller& caller, Warned& warned) {
    try {
        static_cast<void>(with_rights_of(caller, [&] {
            std::error_code ignored;
            if (state.phase == job::Phase::running)
                replace_file(file, fmt::format("{}\n", state.pid));
            else if (std::filesystem::is_regular_file(file, ignored))
                std::filesystem::remove(file, ignored);
            return std::string();
        }));
    } catch (const Error& error) {
        warned.fails("ready", fmt::format("--ready-file {}: {}", file.string(), error.message()));
    }
}

} // namespace

job::Hear job_listener(const CommonArguments& common, const std::string& name) {
    const auto shown = std::make_shared<std::unique_ptr<ProgressLine>>();
    using Clock = std::chrono::steady_clock;
    return [&common, name, shown, phase = std::string(), next = Clock::time_point()](const Json& said) mutable {
        if (said.is_null()) {
            phase.clear();
            return shown->reset();
        }
        if (said.contains("phase") && Clock::now() >= next) {
            job::tell_service_manager("EXTEND_TIMEOUT_USEC=60000000");
            next = Clock::now() + k_extend_every;
        }
        const bool is_message = said.contains("message");
        if (common.format == Format::json || common.progress == ProgressForm::json) {
            Json line = {{"time", utc_iso(std::chrono::system_clock::now())},
                         {"job", name},
                         {"event", is_message ? "message" : "progress"}};
            line.update(said);
            return print_note(json_line(line));
        }
        if (is_message)
            return print_note(printable(said.at("message").get<std::string>()));
        if (common.progress == ProgressForm::none)
            return;
        if (!*shown)
            *shown = std::make_unique<ProgressLine>(STDERR_FILENO, common.verbosity);
        if (const std::string now = said.at("phase"); std::exchange(phase, now) != now)
            (*shown)->phase(fmt::format("{}: {}", name, now));
        (*shown)->frozen(said.at("frozen"));
        (*shown)->bytes(said.at("bytes"), said.at("total").is_null() ? 0 : said.at("total").get<std::uint64_t>());
    };
}

job::Tell job_teller(const CommonArguments& common, const JobFiles& files, const std::string& name,
                     const LoadedConfig& config) {
    return [&common, &config, name, metrics = files.metrics, ready = files.ready_file,
            warned = Warned()](std::string_view event, const Json& more, const job::JobState& state) mutable {
        const std::string said = event_text(event, more);
        // A unit that ends before it was ready has failed for systemd.
        const bool is_ready = event == "running" || event == "done_already";
        if (!said.empty())
            job::tell_service_manager((is_ready ? "READY=1\nSTATUS=" : "STATUS=") + said);
        if (!ready.empty())
            show_ready(ready, state, config.caller, warned);
        const std::string text = job::metrics_text(name, state);
        if (!metrics.empty())
            job::write_metrics(metrics, text, config.caller, warned);
        job::write_textfile(config.values, "cedana-job-" + name, text, warned);
        if (common.verbosity == Verbosity::quiet)
            return;
        if (common.format == Format::json) {
            Json line = {{"time", utc_iso(std::chrono::system_clock::now())}, {"job", name}, {"event", event}};
            line.update(more);
            print_note(json_line(line));
        } else if (!said.empty())
            print_note(fmt::format("cedana: {}: {}", name, said));
    };
}

} // namespace cedana
