// SPDX-License-Identifier: Apache-2.0
// The processes that become children of this one when their own parent ends (PR_SET_CHILD_SUBREAPER, prctl(2)).
#pragma once

#include <vector>

#include <sys/types.h>

namespace cedana::criu {

class Subreaper {
  public:
    // From now on orphaned descendants come to this process. Throws Error.
    Subreaper();
    Subreaper(const Subreaper&) = delete;
    Subreaper& operator=(const Subreaper&) = delete;
    // As it was before: one may be within another.
    ~Subreaper();

    // As kill_children(), but spares what was a child before: whoever execs cedana leaves it its children, and the
    // first process of a container has everybody's.
    void kill_all() const;

  private:
    // Not reaped by anybody else, so the pids stay theirs.
    std::vector<pid_t> strangers_;
    bool was_one_;
};

// Kills and reaps every child of this process, which is a subreaper, and theirs as they are handed over, until none is
// left. Call it only when all children are to go.
void kill_children();

} // namespace cedana::criu
