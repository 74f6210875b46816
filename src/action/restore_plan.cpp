// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/restore_plan.hpp"

#include "cedana/action/container_steps.hpp"
#include "cedana/action/restore_steps.hpp"
#include "cedana/base/users.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace cedana {

RestorePlan plan_restore(const RestoreRequest& request, const Interrupt& interrupt) {
    require_root("look into processes");
    RestoreDraft draft(request, interrupt);
    draft.leases.emplace();
    RestorePlan plan;
    plan.refusals = rehearse(steps_that_open(draft), interrupt);
    std::ranges::move(
        rehearse(draft.manifest().container ? steps_before_container(draft) : steps_before_restore(draft), interrupt),
        std::back_inserter(plan.refusals));
    plan.checkpoint = draft.path;
    plan.manifest = draft.manifest();
    plan.criu_version = draft.criu.version;
    plan.files = std::move(draft.files);
    plan.joins = explain(draft.joins, request.output_file().string());
    if (draft.lazy)
        plan.lazy = {.bytes_lazy = draft.lazy->lazy_bytes, .bytes_eager = draft.lazy->eager_bytes};
    return plan;
}

} // namespace cedana
