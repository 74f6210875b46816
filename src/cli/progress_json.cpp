// SPDX-License-Identifier: Apache-2.0
#include "cedana/cli/progress_json.hpp"

#include "cedana/cli/output.hpp"

#include <chrono>
#include <utility>

#include <nlohmann/json.hpp>

#include <unistd.h>

namespace cedana {

namespace {

using Json = nlohmann::ordered_json;

constexpr auto k_every = std::chrono::milliseconds(500);

} // namespace

ProgressJson::ProgressJson(int fd, std::function<Clock::time_point()> now)
    : fd_(fd), now_(std::move(now)), phase_begin_(now_()) {}

ProgressJson::~ProgressJson() { write_rest(); }

void ProgressJson::phase(std::string_view name) {
    write_rest();
    phase_begin_ = now_();
    state_.phase = name;
    state_.done = 0;
    state_.total = 0;
    write();
}

void ProgressJson::bytes(std::uint64_t done, std::uint64_t total) {
    state_.done = done;
    state_.total = total;
    behind_ = true;
    if (now_() >= next_)
        write_rest();
}

void ProgressJson::frozen(bool now) {
    if (std::exchange(state_.frozen, now) == now || state_.phase.empty())
        return;
    write();
}

void ProgressJson::done() { write_rest(); }

void ProgressJson::write_rest() {
    if (behind_ && !state_.phase.empty())
        write();
}

void ProgressJson::write() {
    behind_ = false;
    next_ = now_() + k_every;
    state_.elapsed = now_() - phase_begin_;
    write_progress(fd_, json_line({{"phase", state_.phase},
                                   {"bytes", state_.done},
                                   {"total", state_.total == 0 ? Json(nullptr) : Json(state_.total)},
                                   {"seconds", state_.elapsed.count()},
                                   {"frozen", state_.frozen}}) +
                            "\n");
}

std::unique_ptr<Progress> make_progress(const CommonArguments& common) {
    if (common.progress == ProgressForm::json)
        return std::make_unique<ProgressJson>(STDERR_FILENO);
    if (common.progress == ProgressForm::none)
        return std::make_unique<Progress>();
    return std::make_unique<ProgressLine>(STDERR_FILENO, common.verbosity);
}

} // namespace cedana
