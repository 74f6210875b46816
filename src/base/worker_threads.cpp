// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/worker_threads.hpp"

namespace cedana {

void WorkerThreads::start(Work work) {
    threads_.emplace_back([this, work = std::move(work)] { run(work); });
}

void WorkerThreads::end() {
    {
        const std::scoped_lock lock(mutex_);
        must_end_ = true;
    }
    wake_();
    for (std::thread& thread : threads_)
        thread.join();
    threads_.clear();
}

void WorkerThreads::rethrow_failure() const {
    if (failure_)
        std::rethrow_exception(failure_);
}

void WorkerThreads::run(const Work& work) noexcept {
    std::unique_lock lock(mutex_);
    try {
        work(lock);
    } catch (...) {
        if (!lock.owns_lock())
            lock.lock();
        if (!failure_)
            failure_ = std::current_exception();
        must_end_ = true;
        wake_();
    }
}

} // namespace cedana
