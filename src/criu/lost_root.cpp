// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/lost_root.hpp"

#include "cedana/base/child_process.hpp"
#include "cedana/base/kernel_wait.hpp"

#include <algorithm>
#include <csignal>
#include <system_error>
#include <utility>

#include <poll.h>

namespace cedana::criu {

namespace {

// CRIU that is told of the end of a task fails within milliseconds.
constexpr auto k_patience = std::chrono::milliseconds(500);

// How often it was put to sleep; absent: it does something else.
std::optional<std::string> wait_in_futex(pid_t criu) {
    const KernelWait wait = kernel_wait(criu, criu);
    return wait.channel.starts_with("futex") ? std::optional(wait.switches) : std::nullopt;
}

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
        is_ended_ = true;
        loop_.wait_for(root_.get(), 0);
    });
}

void LostRoot::look_for_child(const UniqueFd& criu, const std::filesystem::path& pid_file) {
    const auto pid = pid_of(criu);
    std::error_code ignored;
    if (is_ended_ || !pid || !wait_in_futex(*pid) || !std::filesystem::exists(pid_file, ignored))
        return;
    is_ended_ = std::ranges::all_of(children_of(*pid), [](pid_t child) {
        const char state = kernel_wait(child, child).state;
        return state == 'Z' || state == 0;
    });
}

std::chrono::milliseconds LostRoot::patience() const { return is_ended_ ? k_patience : std::chrono::milliseconds(-1); }

bool LostRoot::end_waiting(const UniqueFd& criu) {
    const auto pid = is_ended_ ? pid_of(criu) : std::nullopt;
    const auto wait = pid ? wait_in_futex(*pid) : std::nullopt;
    if (wait && wait == seen_)
        return send_signal(criu, SIGKILL);
    seen_ = wait;
    return false;
}

} // namespace cedana::criu
