// SPDX-License-Identifier: Apache-2.0
// Threads that work for one object under its mutex. They end together: when the object goes, or when the first of them
// fails. Work that is divided beforehand is for parallel().
#pragma once

#include <atomic>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace cedana {

class WorkerThreads {
  public:
    // Called with the mutex held; may let go of it and take it again. What it throws is the failure.
    using Work = std::function<void(std::unique_lock<std::mutex>&)>;

    // The mutex must outlive this. `wake` makes everybody who waits look again; it is called from any thread, with the
    // mutex held or not, and must not throw.
    WorkerThreads(std::mutex& mutex, std::function<void()> wake) : mutex_(mutex), wake_(std::move(wake)) {}
    WorkerThreads(const WorkerThreads&) = delete;
    WorkerThreads& operator=(const WorkerThreads&) = delete;
    ~WorkerThreads() { end(); }

    // Throws std::system_error.
    void start(Work work);
    // Waits for the end of all. The mutex must be free.
    void end();
    // All work is to end. Changes with the mutex held, and may be asked without it.
    [[nodiscard]] bool must_end() const noexcept { return must_end_; }
    // Throws the first failure, if there is one. The mutex must be held.
    void rethrow_failure() const;

  private:
    void run(const Work& work) noexcept;

    std::mutex& mutex_;
    std::function<void()> wake_;
    std::exception_ptr failure_;
    std::atomic<bool> must_end_ = false;
    std::vector<std::thread> threads_;
};

} // namespace cedana
