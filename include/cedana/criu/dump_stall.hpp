// SPDX-License-Identifier: Apache-2.0
// Whether a CRIU that dumps gets on. It may hang in the kernel, on a file of the tree for instance, and is never
// signalled: all that can be done is to say what it waits for, and to let it know that nobody wants its images any
// more.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <sys/types.h>

namespace cedana::criu {

class DumpStall {
  public:
    using Clock = std::chrono::steady_clock;

    // `tree`: whose threads may be what CRIU waits for.
    DumpStall(std::filesystem::path log, std::vector<pid_t> tree);

    // From now on.
    void watch(pid_t criu, Clock::time_point now = Clock::now());
    // `bytes`: of images, so far. Every ten seconds in which nothing has moved it warns of what CRIU waits for. Throws
    // Error once nothing has moved for `limit`, and only then; zero: never.
    void look(std::uint64_t bytes, std::chrono::milliseconds limit, Clock::time_point now = Clock::now());

  private:
    struct Mark {
        std::uint64_t bytes = 0;
        // CRIU's, and that of its children which have ended, in ticks.
        std::uint64_t ticks = 0;
        std::uint64_t log = 0;
        friend bool operator==(const Mark&, const Mark&) = default;
    };
    [[nodiscard]] std::string waits_for() const;

    std::filesystem::path log_;
    std::vector<pid_t> tree_;
    pid_t criu_ = -1;
    Mark mark_;
    Clock::time_point moved_;
    Clock::time_point told_;
    bool over_ = false;
};

} // namespace cedana::criu
