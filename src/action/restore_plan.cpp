// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/restore_plan.hpp"

#include "cedana/action/checkpoint_reader.hpp"
#include "cedana/action/collect.hpp"
#include "cedana/action/free_pids.hpp"
#include "cedana/action/hooks.hpp"
#include "cedana/action/host.hpp"
#include "cedana/action/host_fit.hpp"
#include "cedana/action/lazy_request.hpp"
#include "cedana/action/permissions.hpp"
#include "cedana/action/stdio.hpp"
#include "cedana/base/descriptor_limit.hpp"
#include "cedana/base/memory.hpp"
#include "cedana/criu/environment.hpp"
#include "cedana/process/lock.hpp"

namespace cedana {

RestorePlan plan_restore(const RestoreRequest& request, const Interrupt& interrupt) {
    require_root("look into processes");
    RestorePlan plan;
    plan.checkpoint = std::filesystem::absolute(request.checkpoint).lexically_normal();
    collect(plan.refusals, [&] { require_trusted_checkpoint(request.config, request.caller, plan.checkpoint); });
    const Checkpoint checkpoint(plan.checkpoint, request.keyring);
    plan.manifest = checkpoint.manifest();
    const Joins joins = request.joins_for(plan.manifest);
    plan.joins = explain(joins, request.output_file().string());
    const Procfs procfs;
    collect(plan.refusals, [&] { refuse_lazy_requests(request); });
    collect(plan.refusals, [&] { plan.criu_version = criu::require_version(find_trusted_criu(request.config)); });
    collect(plan.refusals, [&] { require_hooks(request.config, {HookStage::pre_restore, HookStage::post_restore}); });
    collect(plan.refusals, [&] { require_own_state_folder(); });
    collect(plan.refusals, [&] { compare_frames(request, checkpoint, interrupt); });
    collect(plan.refusals, [&] {
        if (const auto memory = prepare_lazy(request, checkpoint))
            plan.lazy = {.bytes_lazy = memory->lazy_bytes, .bytes_eager = memory->eager_bytes};
    });
    collect(plan.refusals, [&] { require_fit(plan.manifest, describe_host()); });
    collect(plan.refusals, [&] { require_memory(plan.manifest, host_memory()); });
    collect(plan.refusals, [&] { require_descriptors(plan.manifest, descriptor_limit()); });
    collect(plan.refusals, [&] { require_addresses(plan.manifest, request.config.criu_extra_args); });
    if (!request.new_pid_namespace) {
        collect(plan.refusals, [&] { require_unlocked(LockedFor::restore, pids_of(plan.manifest)); });
        collect(plan.refusals, [&] { require_free_pids(procfs, plan.manifest, {}, interrupt); });
        collect(plan.refusals, [&] {
            const FileRestore files(checkpoint, request.config, request.files);
            plan.files = files.look(procfs, interrupt);
        });
    }
    collect(plan.refusals, [&] { require_output(joins, request.output_place()); });
    return plan;
}

} // namespace cedana
