// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/restore_steps.hpp"

#include "cedana/action/lazy_request.hpp"
#include "cedana/archive/frame_check.hpp"
#include "cedana/base/descriptor_limit.hpp"
#include "cedana/base/memory.hpp"
#include "cedana/base/state_folder.hpp"
#include "cedana/host/description.hpp"
#include "cedana/host/fit.hpp"
#include "cedana/host/free_pids.hpp"
#include "cedana/host/hooks.hpp"
#include "cedana/host/permissions.hpp"
#include "cedana/roles/own_stdio.hpp"
#include "cedana/undo/clean.hpp"

#include <chrono>
#include <utility>

namespace cedana {

namespace {

// How long a zombie that still has a pid may take to be reaped.
constexpr auto k_zombie_limit = std::chrono::seconds(30);

Steps checkpoint_steps(RestoreDraft& draft) {
    const RestoreRequest& request = draft.request;
    const Config& config = request.config;
    return {
        // A rehearsal ends here too: what others can change must not say which of root's files are compared.
        look("looking who can change the checkpoint",
             [&] { require_trusted_checkpoint(config, request.caller, draft.path); }),
        look("opening the checkpoint", [&] { draft.checkpoint.emplace(draft.path, request.keyring); }),
        check("looking for what a lazy restore needs", [&] { refuse_lazy_requests(request); }),
        check("looking for criu", [&] { draft.criu = require_criu(config); }),
        check("looking at the hooks",
              [&] {
                  require_hooks(config, {HookStage::pre_restore, HookStage::post_restore});
              }),
        check("looking at the folder for work", [] { require_own_state_folder(); }),
        phase(touch("cleaning up", [] { clean({}); })),
        check("comparing digests",
              [&] {
                  if (request.verify)
                      check_frames(draft.checkpoint->zip(), draft.checkpoint->index(), k_images_folder,
                                   static_cast<unsigned>(config.archive_threads), draft.interrupt);
              }),
        check("looking for room for lazy memory", [&] { draft.lazy = prepare_lazy(request, *draft.checkpoint); }),
    };
}

// After the hook, which may bring what they look for.
Steps host_steps(RestoreDraft& draft) {
    const Config& config = draft.request.config;
    return {
        touch("running the hook pre_restore",
              [&] {
                  run_hook(hook_for(HookStage::pre_restore, config), {.pid = draft.pid(), .checkpoint = draft.path},
                           draft.interrupt);
              }),
        check("comparing this host", [&] { require_fit(draft.manifest(), describe_host()); }),
        check("looking for memory", [&] { require_memory(draft.manifest(), host_memory()); }),
        check("looking for descriptors", [&] { require_descriptors(draft.manifest(), descriptor_limit()); }),
        check("looking for addresses", [&] { require_addresses(draft.manifest(), config.criu_extra_args); }),
    };
}

void lock(RestoreDraft& draft) {
    draft.lock.emplace(LockedFor::restore, state_folder() / "locks");
    draft.lock->add(pids_of(draft.manifest()));
}

Step await_free_pids(RestoreDraft& draft) {
    Step step = check("looking who has the pids",
                      [&] { require_free_pids(draft.procfs, draft.manifest(), {}, draft.interrupt); });
    step.run = [&] { require_free_pids(draft.procfs, draft.manifest(), k_zombie_limit, draft.interrupt); };
    return step;
}

// A copy beside the original has pids of its own.
Steps pid_steps(RestoreDraft& draft) {
    return {
        touch(
            "locking the pids", [&] { lock(draft); },
            [&] { require_unlocked(LockedFor::restore, pids_of(draft.manifest())); }),
        await_free_pids(draft),
    };
}

Steps end_steps(RestoreDraft& draft) {
    return {
        look("looking at this command's descriptors", [&] { draft.joins = draft.request.joins_for(draft.manifest()); }),
        check("looking where output goes", [&] { require_output(draft.joins, draft.request.output_place()); }),
    };
}

// It reads files, so it is done once.
Step foretell_files(RestoreDraft& draft) {
    return foretell("looking at files", [&] {
        const FileRestore files(*draft.checkpoint, draft.request.config, draft.request.files);
        draft.files = files.look(draft.procfs, draft.interrupt);
    });
}

void append(Steps& steps, Steps more) {
    for (Step& step : more)
        steps.push_back(std::move(step));
}

} // namespace

RestoreDraft::RestoreDraft(const RestoreRequest& what, const Interrupt& by)
    : request(what), interrupt(by), path(std::filesystem::absolute(what.checkpoint).lexically_normal()) {}

Steps steps_before_restore(RestoreDraft& draft) {
    Steps steps = checkpoint_steps(draft);
    append(steps, host_steps(draft));
    const bool is_copy = draft.request.new_pid_namespace;
    if (!is_copy)
        append(steps, pid_steps(draft));
    append(steps, end_steps(draft));
    // A copy shares its files with the original, which may be writing to them.
    if (!is_copy)
        steps.push_back(foretell_files(draft));
    return steps;
}

} // namespace cedana
