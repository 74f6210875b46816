// SPDX-License-Identifier: Apache-2.0
#include "supervisor_watch.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/signals.hpp"

#include <algorithm>
#include <array>
#include <csignal>

#include <spdlog/spdlog.h>

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace cedana::job {

namespace {

constexpr std::array k_watched_signals = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM};
constexpr std::chrono::milliseconds k_orders_every{1000};

} // namespace

nlohmann::ordered_json json_of(const ProgramEnd& end) {
    return end.signal != 0 ? nlohmann::ordered_json{{"signal", end.signal}}
                           : nlohmann::ordered_json{{"code", end.code}};
}

Watch::Watch(const RunRequest& request, Lease& lease)
    : request_(request), lease_(lease), books_(request.folder, request.name, lease, request.keyring, request.tell),
      signals_(watch_signals(k_watched_signals)),
      space_(loop_, place_of(request.folder), task_environment(request.config), [this](pid_t init) {
          lease_.set_init(mark_of(init).value_or(ProcessMark{.pid = init}));
          books_.state().init = init;
          renew();
      }) {
    loop_.watch(signals_.get(), POLLIN, [this](short) { read_signals(); });
}

void Watch::read_signals() {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == sizeof info)
        take_signal(static_cast<int>(info.ssi_signo));
}

void Watch::take_signal(int number) {
    if (wishes_.take_signal(number, request_.stop_signals))
        return;
    if (space_.exists() && space_.word().root != 0) {
        wishes_.passed_on = number;
        space_->signal(number);
    } else
        wishes_.ending = Ending{.signal = number};
}

// A file server that does not answer for a while is ridden out; the space itself ends the tree in time.
void Watch::renew() {
    try {
        if (!lease_.renew())
            throw LeaseLost{};
        if (space_.exists())
            space_->renew();
    } catch (const Error& error) {
        spdlog::warn("the lease of the job could not be renewed: {}", error.message());
    }
    renew_at_ = Clock::now() + lease_.lasts() / 4;
}

void Watch::wait(std::optional<Clock::time_point> until) {
    using Millis = std::chrono::milliseconds;
    Clock::time_point next = std::min(orders_at_, until.value_or(orders_at_));
    if (lease_.lasts().count() != 0)
        next = std::min(next, renew_at_);
    const auto left = std::chrono::ceil<Millis>(next - Clock::now());
    loop_.run_once(std::max(left, Millis(0)));
    if (lease_.lasts().count() != 0 && Clock::now() >= renew_at_)
        renew();
    if (Clock::now() >= orders_at_) {
        orders_at_ = Clock::now() + k_orders_every;
        wishes_.take_orders_in(request_.folder);
    }
}

void Watch::leave_space() {
    space_.leave();
    books_.state().pid = books_.state().init = 0;
}

} // namespace cedana::job
