// SPDX-License-Identifier: Apache-2.0
// What a job's tree writes goes to the supervisor's own output, by a process of its own: nobody waits for a reader.
#pragma once

#include "cedana/base/unique_fd.hpp"
#include "cedana/job/space.hpp"

namespace cedana::job {

class TreeOutput {
  public:
    // Copies until this ends; what is left then is for the next one. `target`: invalid for this process's own. What
    // comes from a terminal of the space is shown on that of this process, if it has one. Throws Error.
    TreeOutput(const Space& space, const UniqueFd& target);
    // Readable once who copies has ended.
    [[nodiscard]] int end() const noexcept { return copier_.get(); }
    // Returns when all that is there is in its place, or nobody takes it.
    void finish();

  private:
    UniqueFd copier_;
};

} // namespace cedana::job
