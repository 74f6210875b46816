// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/worker_speed.hpp"

#include <sys/resource.h>
#include <unistd.h>

namespace cedana {

namespace {

constexpr int k_lowest_priority = 19;

// Of one thread alone (setpriority(2), "C library/kernel differences").
void set_thread_priority(pid_t thread, int nice) { ::setpriority(PRIO_PROCESS, static_cast<id_t>(thread), nice); }

} // namespace

WorkerSpeed::WorkerSpeed() : usual_priority_(::getpriority(PRIO_PROCESS, 0)) {}

void WorkerSpeed::slow_down_self() {
    const pid_t self = ::gettid();
    if (!is_awaited_ && slow_threads_.insert(self).second)
        set_thread_priority(self, k_lowest_priority);
}

void WorkerSpeed::set_full() {
    is_full_ = true;
    raise();
}

void WorkerSpeed::raise() {
    is_awaited_ = true;
    for (const pid_t thread : slow_threads_)
        set_thread_priority(thread, usual_priority_);
    slow_threads_.clear();
}

} // namespace cedana
