// SPDX-License-Identifier: Apache-2.0
// What becomes of a job: from which checkpoint it goes on, and what follows when its program has ended. Pure.
#pragma once

#include "cedana/job/state.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cedana::job {

// As systemd names them (systemd.service(5), Restart=). on_abnormal: when a signal ended it.
enum class Restart { no, on_abnormal, on_failure, always };
[[nodiscard]] std::optional<Restart> restart_of(std::string_view name);

// Of a job all of whose checkpoints were tried in vain.
enum class IfUnrestorable { stop, start };

struct CourseRules {
    Restart restart = Restart::on_abnormal;
    // Without a new checkpoint in between.
    int max_restarts = 5;
    std::chrono::milliseconds backoff{10'000};
    // How often one checkpoint is restored when the job ends within min_uptime after that.
    int attempts = 2;
    std::chrono::milliseconds min_uptime{60'000};
    IfUnrestorable if_unrestorable = IfUnrestorable::stop;
};

inline constexpr std::chrono::minutes k_longest_backoff{5};

// start: anew. go_on: from the checkpoint of that place in the chain. give_up: there are some, and none is left to try.
struct Choice {
    enum class Kind { start, go_on, give_up };
    Kind kind = Kind::start;
    std::size_t place = 0;
};
// `has_lost_all`: there were some, and they are gone.
[[nodiscard]] Choice choose(const std::vector<JobCheckpoint>& chain, const CourseRules& rules,
                            bool has_lost_all = false);

// done: it has exited with 0. leave: with another code or by a signal, and is not brought back. wait: it is, after
// backoff_of(). fail: it was brought back too often.
enum class AfterEnd { done, leave, wait, fail };
// `restarts`: since the last checkpoint.
[[nodiscard]] AfterEnd after_end(const ProgramEnd& end, const CourseRules& rules, int restarts);
[[nodiscard]] std::chrono::milliseconds backoff_of(const CourseRules& rules, int restarts);

// The one that the program came from, and what was before it: what came after that was tried in vain. None: nothing.
void go_back_to(std::vector<JobCheckpoint>& chain, const std::string& file);

// The files of those that are kept: the newest `keep`, and the one that the job was restored from. What may be removed
// is taken out of the chain.
[[nodiscard]] std::vector<std::string> take_surplus(std::vector<JobCheckpoint>& chain, std::size_t keep,
                                                    const std::string& restored_from);

// In seconds: of the last dump, of all of this run, and since its begin.
struct DumpCost {
    double last = 0;
    double all = 0;
    double elapsed = 0;
};
// Until the next checkpoint, so that the cost of all, with the next one like the last, stays below this share of the
// time: at least a minute, and at least as long as one like the last is worth.
[[nodiscard]] std::chrono::milliseconds interval_for(const DumpCost& cost, double percent);

} // namespace cedana::job
