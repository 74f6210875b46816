// SPDX-License-Identifier: Apache-2.0
// A thread beside the one that works while CRIU's action script waits and the tree stands still. It tells the script
// that cedana is alive. Where the work hangs in the kernel, which no signal ends, it lets the tree run on.
#pragma once

#include "cedana/base/error.hpp"
#include "cedana/base/event_fd.hpp"
#include "cedana/base/kernel_wait.hpp"
#include "cedana/base/signals.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <sys/types.h>

namespace cedana::criu {

// How often whoever drives CRIU looks whether it stands still.
inline constexpr auto k_stall_look_every = std::chrono::seconds(1);

class FreezeWatch {
  public:
    using Clock = std::chrono::steady_clock;

    struct Watched {
        // How long no thread of this process may do anything, or one may wait for the same of a file system whose disk
        // finishes nothing; zero: for ever. However long a disk takes to flush, it moves.
        std::chrono::milliseconds limit{};
        // A signal that waits for so long while nothing moves is as good as that.
        std::chrono::milliseconds patience = std::chrono::seconds(5);
        std::chrono::milliseconds every = std::chrono::seconds(1);
        // Whether what goes on has a limit of its own; empty: never.
        std::function<bool()> held = {};
        // Tells the script that cedana is alive.
        std::function<void()> beat = {};
        // The work hangs: lets the tree run on, and says so. It is the last that this thread does.
        std::function<void(const Error&)> give_up = {};
        // What the disk of a file has finished so far; another, it has moved.
        std::function<std::string(std::string_view file)> work_of_disk = disk_work;
    };

    enum class Begins { at_once, when_told };

    // `interrupt` must outlive this.
    FreezeWatch(Watched watched, const Interrupt& interrupt, Begins begins = Begins::at_once);
    FreezeWatch(const FreezeWatch&) = delete;
    FreezeWatch& operator=(const FreezeWatch&) = delete;
    // Awaits its thread, and so a give_up() that has begun.
    ~FreezeWatch();

    // For one that was made ahead, since a thread takes a while to start.
    void begin();
    // From here on it neither beats nor gives up; waits for a give_up() that has begun, but not for its thread.
    void end();

  private:
    void run();
    void beat();
    void give_up(const Error& error);
    [[nodiscard]] bool moved();
    struct Waits {
        // Since when a thread has waited for the same; now, if none does.
        Clock::time_point since{};
        // What one waited for has come, or has come nearer.
        bool any_got_on = false;
    };
    [[nodiscard]] Waits look_at_waits(Clock::time_point now);

    Watched watched_;
    const Interrupt& interrupt_;
    std::atomic<bool> has_begun_ = false;
    EventFd stop_;
    // Held while it beats or gives up.
    std::mutex doing_;
    bool over_ = false;
    std::chrono::nanoseconds worked_{};
    // Of each thread that waits for storage: how often it had slept and what its disk had finished, and when that was
    // seen first.
    std::map<pid_t, std::pair<std::string, Clock::time_point>> waiting_;
    std::thread thread_;
};

} // namespace cedana::criu
