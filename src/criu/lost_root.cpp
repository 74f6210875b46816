// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/lost_root.hpp"

#include "cedana/base/child_process.hpp"
#include "cedana/base/kernel_wait.hpp"

#include <csignal>
#include <utility>

#include <poll.h>

namespace cedana::criu {

namespace {

// CRIU that is told of the end of a task fails within milliseconds.
constexpr auto k_grace = std::chrono::milliseconds(1000);

} // namespace

LostRoot::~LostRoot() {
    if (root_)
        loop_.unwatch(root_.get());
}

void LostRoot::watch(pid_t root) {
    if (root_)
        return;
    auto handle = open_pidfd(root);
    if (!handle)
        return;
    root_ = std::move(*handle);
    loop_.watch(root_.get(), POLLIN, [this](short) {
        ended_ = std::chrono::steady_clock::now();
        loop_.wait_for(root_.get(), 0);
    });
}

std::chrono::milliseconds LostRoot::patience() const { return ended_ ? k_grace : std::chrono::milliseconds(-1); }

bool LostRoot::end_waiting(const UniqueFd& criu) const {
    if (!ended_ || std::chrono::steady_clock::now() - *ended_ < k_grace)
        return false;
    const auto pid = pid_of(criu);
    return pid && kernel_wait(*pid, *pid).channel.starts_with("futex") && send_signal(criu, SIGKILL);
}

} // namespace cedana::criu
