// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/event_loop.hpp"

#include "cedana/base/error.hpp"

#include <cerrno>
#include <utility>
#include <vector>

#include <poll.h>

namespace cedana {

void EventLoop::watch(int fd, short events, Callback callback) {
    watches_[fd] = {.events = events, .callback = std::make_shared<Callback>(std::move(callback))};
}

void EventLoop::unwatch(int fd) { watches_.erase(fd); }

void EventLoop::wait_for(int fd, short events) {
    if (const auto found = watches_.find(fd); found != watches_.end())
        found->second.events = events;
}

bool EventLoop::run_once(std::chrono::milliseconds limit) {
    std::vector<pollfd> set;
    set.reserve(watches_.size());
    // A paused descriptor is left out: poll reports POLLHUP even where no event is asked for.
    for (const auto& [fd, watch] : watches_)
        if (watch.events != 0)
            set.push_back({.fd = fd, .events = watch.events, .revents = 0});
    const int ready = ::poll(set.data(), set.size(), static_cast<int>(limit.count()));
    if (ready < 0) {
        const int err = errno;
        if (err == EINTR)
            return true;
        throw os_error(err, "cannot poll");
    }
    for (const pollfd& entry : set) {
        if (entry.revents == 0)
            continue;
        const auto found = watches_.find(entry.fd);
        if (found == watches_.end())
            continue;
        // Held here: the callback may replace or remove its own watch.
        const std::shared_ptr<Callback> callback = found->second.callback;
        (*callback)(entry.revents);
    }
    return ready > 0;
}

} // namespace cedana
