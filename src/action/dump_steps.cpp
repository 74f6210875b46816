// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/dump_steps.hpp"

#include "cedana/action/dump_target.hpp"
#include "cedana/action/memory_room.hpp"
#include "cedana/base/progress.hpp"
#include "cedana/base/state_folder.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/units.hpp"
#include "cedana/checkpoint/writer.hpp"
#include "cedana/engine/pre_copy.hpp"
#include "cedana/engine/refusals.hpp"
#include "cedana/files/default_store.hpp"
#include "cedana/host/hooks.hpp"
#include "cedana/keys/configured_keys.hpp"
#include "cedana/lazy/transfers.hpp"
#include "cedana/process/page_table.hpp"
#include "cedana/undo/clean.hpp"
#include "cedana/undo/work_folder.hpp"

#include <utility>
#include <vector>

#include <spdlog/spdlog.h>

namespace cedana {

namespace {

void require_sense(const DumpRequest& request) {
    if (request.anyway && !request.config.client_leave_running)
        throw Error(Fault::usage, "a tree that is to end is not dumped anyway: it could be lost")
            .hint("leave --anyway out, or let the tree run on (--leave-running)");
}

void find_root(DumpDraft& draft) {
    if (!draft.request.container) {
        draft.root = find_target(draft.procfs, draft.request).id();
        if (const auto container = containers::find_container_of(draft.root.pid, draft.request.config))
            spdlog::warn("process {} is the main process of {}: --container {} keeps its files and its network too",
                         draft.root.pid, container->text, printable(container->name));
        return;
    }
    draft.container.emplace(*draft.request.container, draft.request.config);
    draft.root = ProcessHandle::open(draft.procfs, draft.container->pid()).id();
}

// What is there on the host, whatever the tree is like.
Steps ground_steps(DumpDraft& draft) {
    const DumpRequest& request = draft.request;
    const Config& config = request.config;
    return {
        touch("making the store",
              [&] {
                  if (uses_default_store(request))
                      make_default_store();
              }),
        check("looking at the folder", [&] { draft.folder = find_folder(request); }),
        check("looking at the mount point", [&] { require_shared_storage(request); }),
        check("looking for criu", [&] { draft.criu = require_criu(config); }),
        check("looking at the hooks",
              [&] {
                  require_hooks(config, {HookStage::pre_dump, HookStage::post_dump});
              }),
        check("looking at the folder for work", [] { require_own_state_folder(); }),
    };
}

void lock(DumpDraft& draft, std::vector<pid_t> pids) {
    if (!draft.lock)
        draft.lock.emplace(LockedFor::dump, state_folder() / "locks");
    draft.lock->add(std::move(pids));
}

// Before the look: what a restore is still making would be seen half made.
Step lock_root(DumpDraft& draft) {
    return touch(
        "locking the process", [&] { lock(draft, {draft.root.pid}); },
        [&] { require_unlocked(LockedFor::dump, {draft.root.pid}); });
}

Step lock_tree(DumpDraft& draft) {
    return touch(
        "locking the tree", [&] { lock(draft, draft.seen->pids()); },
        [&] {
            std::vector<pid_t> rest = draft.seen->pids();
            std::erase(rest, draft.root.pid);
            require_unlocked(LockedFor::dump, rest);
        });
}

Step look_at(DumpDraft& draft) {
    return look("looking at the tree", [&] {
        draft.seen = look_at_tree(draft.procfs, draft.root, draft.request.config, draft.criu.path);
        if (draft.request.given_terminal)
            drop_helped_by_console(draft.seen->facts.refusals);
        add_missing(draft.seen->written, draft.preparation.written());
        add_missing_names(draft.seen->written, draft.named.files);
        if (draft.container)
            draft.container->adapt(*draft.seen);
    });
}

Step look_at_named(DumpDraft& draft) {
    return check("looking at what goes with it", [&] {
        if (draft.request.with_files.empty())
            return;
        if (draft.request.config.files_capture == Capture::none)
            throw Error(Fault::usage, "files can go with a program only where files are captured")
                .hint("leave --with-files out, or set files.capture to writable");
        draft.named = look_at_named_files(draft.request.with_files);
        // Whoever migrates has been told before.
        if (draft.request.escort)
            return;
        for (const std::filesystem::path& path : draft.named.left_out)
            spdlog::warn("{} does not go with it: it is no file, folder or link", printable(path.string()));
    });
}

// What is known of it counts where it is to end: then systemd must answer.
Step look_at_unit(DumpDraft& draft) {
    return check("asking systemd", [&] {
        // Whoever supervises a job answers for its unit.
        if (draft.request.given_terminal)
            return;
        try {
            draft.unit = tree_unit(draft.seen->facts.unit, draft.root.pid);
        } catch (const Error& error) {
            if (!draft.request.config.client_leave_running)
                throw;
            spdlog::debug("{}", error.message());
        }
        if (draft.unit && draft.request.config.client_leave_running)
            require_watchdog(*draft.unit, expected_pause(draft.seen->facts.image_bytes));
        if (draft.unit)
            require_root_of_host(*draft.unit);
    });
}

Step refuse_undumpable(DumpDraft& draft) {
    return check_each("looking for what cannot be dumped", [&]() -> Errors {
        const std::vector<Refusal> standing =
            standing_refusals(draft.seen->facts, refusal_context(draft.request, draft.criu.path, draft.prepared));
        if (!draft.request.anyway)
            return errors_of(standing);
        draft.passed_over.clear();
        for (const Refusal& refusal : standing)
            draft.passed_over.push_back(refusal.sentence);
        return {};
    });
}

// A migration hands the file on while it is written, and cannot take back what it handed on.
Step decide_pre_copy(DumpDraft& draft) {
    return check("looking whether memory can be copied ahead", [&] {
        const Config& config = draft.request.config;
        const std::uint64_t images = draft.seen->facts.image_bytes;
        const bool is_large =
            config.dump_pre_copy_mib != 0 && images >= static_cast<std::uint64_t>(config.dump_pre_copy_mib) * k_mib;
        draft.copies_ahead = false;
        if (draft.request.escort || (!is_large && !draft.request.pre_copy))
            return;
        const std::uint64_t bound = buffer_bound(config);
        const bool has_room = PreCopy::memory_for(images) <= bound;
        const bool is_tracked = draft.request.write_tracking || kernel_tracks_writes();
        draft.copies_ahead = has_room && is_tracked;
        if (draft.copies_ahead || !draft.request.pre_copy)
            return;
        if (!is_tracked)
            throw Error(Fault::environment, "the kernel of this host does not tell which memory is written to")
                .cause("it was built without CONFIG_MEM_SOFT_DIRTY, or hides where memory lies from this process")
                .hint("leave --pre-copy out");
        throw Error(Fault::environment,
                    fmt::format("{} of memory are needed to copy that of {} ahead, and {} may be taken",
                                human_bytes(PreCopy::memory_for(images)), draft.seen->target(), human_bytes(bound)))
            .hint("set archive.buffer_mib to more, or leave --pre-copy out");
    });
}

Step check_room(DumpDraft& draft) {
    return check("looking for room", [&] {
        // Refused already; there is nothing to say of the room then.
        if (draft.folder.empty())
            return;
        const FreeRoom room = free_room(draft.folder, draft.seen->facts.image_bytes,
                                        bytes_to_capture(draft.seen->written, draft.request.config) +
                                            (draft.container ? draft.container->changed_bytes() : 0));
        require_room(room, "make room, or pass -d with another folder");
        // Whoever migrates has been told before.
        if (!room.does_surely && !draft.request.escort)
            spdlog::warn("the room for the checkpoint may be short: {}", room.found);
    });
}

Step look_at_files(DumpDraft& draft) {
    return touch("looking at files", [&] {
        if (!draft.files)
            draft.files.emplace(draft.request.config, draft.folder);
        static_cast<void>(draft.files->measure(draft.procfs, draft.seen->tree, draft.seen->written));
        draft.files->prepare(draft.seen->written, draft.interrupt);
    });
}

Step describe_container(DumpDraft& draft) {
    return touch("asking the container's engine", [&] {
        if (!draft.container)
            return;
        const WorkFolder work(WorkKind::dump, state_folder());
        draft.container->describe(work.path(), draft.criu.path, draft.interrupt);
    });
}

// The tree may have forked, ended children or opened files since.
void look_again(DumpDraft& draft) {
    Progress silent;
    carry_out({look_at(draft), refuse_undumpable(draft), lock_tree(draft), check_room(draft), look_at_files(draft)},
              silent);
}

// CRIU takes pages that are not there yet for pages that were never touched.
Step await_lazy_memory(DumpDraft& draft) {
    return phase(touch("waiting for memory", [&] {
        if (!await_memory(draft.procfs, draft.seen->pids(), draft.interrupt))
            return;
        Progress silent;
        carry_out({look_at(draft), refuse_undumpable(draft)}, silent);
    }));
}

Step ask_to_prepare(DumpDraft& draft) {
    return phase(touch("preparing", [&] {
        draft.prepared = draft.preparation.ask(draft.seen->tree, draft.interrupt, draft.progress);
        if (draft.prepared)
            look_again(draft);
    }));
}

// What the program and the user's own scripts do, and what is to be undone of others, is not rehearsed.
Steps tree_steps(DumpDraft& draft) {
    const Config& config = draft.request.config;
    return {
        lock_root(draft),
        look_at_named(draft),
        look_at(draft),
        look_at_unit(draft),
        refuse_undumpable(draft),
        await_lazy_memory(draft),
        lock_tree(draft),
        phase(touch("cleaning up", [&] { clean({.folders = {draft.folder}}); })),
        check_room(draft),
        decide_pre_copy(draft),
        check("looking at the signal", [&] { require_survivable_signal(config, draft.procfs, draft.seen->tree); }),
        check("looking at the limits of its memory",
              [&] { require_memory_room(limits_of(draft.procfs, draft.seen->tree)); }),
        look_at_files(draft),
        describe_container(draft),
        touch("running the hook pre_dump",
              [&] {
                  run_hook(hook_for(HookStage::pre_dump, config),
                           {.pid = draft.seen->pid(), .checkpoint = draft.folder}, draft.interrupt);
              }),
        ask_to_prepare(draft),
    };
}

} // namespace

Steps steps_that_find(DumpDraft& draft) {
    const DumpRequest& request = draft.request;
    return {
        check("looking at what is asked for", [&] { require_sense(request); }),
        check("reading the signing key", [&] { draft.keys.signing = read_signing_key(request.config); }),
        check("reading the keys that encrypt",
              [&] { draft.keys.encryption = prepare_encryption(request.config, request.passphrase.get()); }),
        look("finding the process", [&] { find_root(draft); }),
    };
}

Steps steps_on_found(DumpDraft& draft) {
    Steps steps = ground_steps(draft);
    append(steps, tree_steps(draft));
    return steps;
}

Steps steps_before_dump(DumpDraft& draft) {
    Steps steps = steps_that_find(draft);
    append(steps, steps_on_found(draft));
    return steps;
}

} // namespace cedana
