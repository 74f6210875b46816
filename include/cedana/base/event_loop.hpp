// SPDX-License-Identifier: Apache-2.0
// A poll(2) loop over a changing set of descriptors. One thread; callbacks run in the loop and may add and
// remove watches, their own too.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>

namespace cedana {

class EventLoop {
  public:
    using Callback = std::function<void(short events)>;

    // Replaces an earlier watch of the same descriptor. The descriptor stays the caller's.
    void watch(int fd, short events, Callback callback);
    void unwatch(int fd);
    // Changes what an existing watch waits for; 0 pauses it.
    void wait_for(int fd, short events);

    // Waits for at least one event (or `limit`; negative: for ever) and runs the callbacks. False on timeout.
    bool run_once(std::chrono::milliseconds limit = std::chrono::milliseconds(-1));

  private:
    struct Watch {
        short events;
        std::shared_ptr<Callback> callback;
    };
    std::map<int, Watch> watches_;
};

} // namespace cedana
