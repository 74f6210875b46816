// SPDX-License-Identifier: Apache-2.0
// The processes that become children of this one when their own parent ends (PR_SET_CHILD_SUBREAPER, prctl(2)).
#pragma once

namespace cedana::criu {

class Subreaper {
  public:
    // From now on orphaned descendants come to this process. Throws Error.
    Subreaper();
    Subreaper(const Subreaper&) = delete;
    Subreaper& operator=(const Subreaper&) = delete;
    ~Subreaper();

    // As kill_children().
    void kill_all() const;
};

// Kills and reaps every child of this process, which is a subreaper, and theirs as they are handed over, until none is
// left. Call it only when all children are to go.
void kill_children();

} // namespace cedana::criu
