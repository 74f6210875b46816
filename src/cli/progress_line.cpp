// SPDX-License-Identifier: Apache-2.0
#include "cedana/cli/progress_line.hpp"

#include "cedana/base/log.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/time_text.hpp"
#include "cedana/cli/bar.hpp"
#include "cedana/cli/terminal.hpp"

#include <algorithm>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include <unistd.h>

namespace cedana {

namespace {

using namespace std::chrono_literals;

// What ends sooner needs no line.
constexpr auto k_first_after = 200ms;
constexpr auto k_redraw_every = 100ms;
constexpr auto k_plain_every = 5s;
constexpr std::size_t k_bar_width = 20;
// Erase in line (ECMA-48).
constexpr std::string_view k_erase = "\r\x1b[K";

double rate_of(const ProgressState& state) { return share(static_cast<double>(state.done), state.elapsed.count()); }

double part_of(const ProgressState& state) {
    return std::min(share(static_cast<double>(state.done), static_cast<double>(state.total)), 1.0);
}

// Absent while nothing can be said: the first images are small and slow, and memory follows.
std::string remaining(const ProgressState& state) {
    constexpr double k_enough = 0.001;
    const double rate = rate_of(state);
    if (state.total <= state.done || rate <= 0 || part_of(state) < k_enough)
        return {};
    return human_seconds(static_cast<double>(state.total - state.done) / rate) + " left";
}

} // namespace

std::string progress_line(const ProgressState& state, std::size_t width) {
    std::string line = fmt::format("{:<12}", state.phase);
    const auto add = [&](const std::string& text) {
        if (!text.empty() && display_width(line) + 2 + display_width(text) <= width)
            line += "  " + text;
    };
    // Before all that a narrow terminal has no room for.
    if (state.frozen)
        add("FROZEN");
    if (state.total != 0) {
        const std::string filled = bar(part_of(state), k_bar_width);
        add(filled + std::string(k_bar_width - display_width(filled), ' ') +
            fmt::format(" {:>3.0f}%", part_of(state) * 100));
        add(fmt::format("{} of {}", human_bytes(state.done), human_bytes(state.total)));
    } else if (state.done != 0) {
        add(human_bytes(state.done));
    }
    if (state.done != 0 && state.elapsed.count() > 0)
        add(human_bytes(static_cast<std::uint64_t>(rate_of(state))) + "/s");
    add(remaining(state));
    return fitted(line, width);
}

std::string plain_progress(const ProgressState& state) {
    std::vector<std::string> parts;
    if (state.total != 0)
        parts.push_back(
            fmt::format("{} of {} ({:.0f}%)", human_bytes(state.done), human_bytes(state.total), part_of(state) * 100));
    else if (state.done != 0)
        parts.push_back(human_bytes(state.done));
    if (state.done != 0 && state.elapsed.count() > 0)
        parts.push_back(human_bytes(static_cast<std::uint64_t>(rate_of(state))) + "/s");
    if (const std::string left = remaining(state); !left.empty())
        parts.push_back(left);
    if (state.frozen)
        parts.emplace_back("frozen");
    return parts.empty() ? state.phase : fmt::format("{}: {}", state.phase, fmt::join(parts, ", "));
}

void write_progress(int fd, std::string_view text) noexcept {
    if (!PatientLog::may_write(fd))
        return;
    while (!text.empty()) {
        const ssize_t count = ::write(fd, text.data(), text.size());
        if (count <= 0)
            return;
        text.remove_prefix(static_cast<std::size_t>(count));
    }
}

ProgressLine::ProgressLine(int fd, Verbosity verbosity, std::function<Clock::time_point()> now)
    : fd_(fd), width_(terminal_width(fd)), silent_(verbosity == Verbosity::quiet), now_(std::move(now)),
      phase_begin_(now_()), next_(phase_begin_ + (width_ != 0 ? Clock::duration(k_first_after) : k_plain_every)) {}

ProgressLine::~ProgressLine() { done(); }

void ProgressLine::phase(std::string_view name) {
    phase_begin_ = now_();
    state_.phase = name;
    state_.done = 0;
    state_.total = 0;
    show();
}

void ProgressLine::bytes(std::uint64_t done, std::uint64_t total) {
    state_.done = done;
    state_.total = total;
    show();
}

void ProgressLine::frozen(bool now) {
    state_.frozen = now;
    show();
}

void ProgressLine::done() {
    if (drawn_)
        write_progress(fd_, k_erase);
    drawn_ = false;
}

void ProgressLine::show() {
    const auto now = now_();
    if (silent_ || now < next_ || state_.phase.empty())
        return;
    state_.elapsed = now - phase_begin_;
    if (width_ == 0) {
        next_ = now + k_plain_every;
        return write_progress(fd_, plain_progress(state_) + "\n");
    }
    next_ = now + k_redraw_every;
    drawn_ = true;
    // The last column stays free: some terminals go on to the next line once it is filled.
    write_progress(fd_, std::string(k_erase) + progress_line(state_, width_ - 1));
}

} // namespace cedana
