// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/parallel.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include <spdlog/spdlog.h>

namespace cedana {

namespace {

class Parts {
  public:
    Parts(std::size_t count, const ParallelWork& work) : count_(count), work_(work) {}

    void run() noexcept {
        const std::stop_token stop = stop_.get_token();
        try {
            for (std::size_t part = next_++; part < count_ && !stop.stop_requested(); part = next_++)
                work_(part, stop);
        } catch (...) {
            // The first that asks for the stop is the first that failed.
            if (stop_.request_stop())
                failure_ = std::current_exception();
        }
    }

    // Once every thread has ended.
    void rethrow() const {
        if (failure_)
            std::rethrow_exception(failure_);
    }

  private:
    const std::size_t count_;
    const ParallelWork& work_;
    std::atomic<std::size_t> next_ = 0;
    std::stop_source stop_;
    std::exception_ptr failure_;
};

} // namespace

unsigned core_count() noexcept {
    static const unsigned k_count = std::max(1U, std::thread::hardware_concurrency());
    return k_count;
}

unsigned threads_for(std::size_t count, std::size_t least) noexcept {
    constexpr std::size_t k_most = 8;
    return static_cast<unsigned>(
        std::clamp<std::size_t>(count / least, 1, std::min<std::size_t>(core_count(), k_most)));
}

void parallel(std::size_t count, unsigned threads, const ParallelWork& work) {
    Parts parts(count, work);
    {
        std::vector<std::jthread> others;
        try {
            for (std::size_t i = 1; i < std::min<std::size_t>(count, threads); ++i)
                others.emplace_back([&] { parts.run(); });
        } catch (const std::system_error& error) {
            spdlog::debug("{} threads in place of {}: {}", others.size() + 1, threads, error.what());
        }
        parts.run();
    }
    parts.rethrow();
}

} // namespace cedana
