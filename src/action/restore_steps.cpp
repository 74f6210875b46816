// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/restore_steps.hpp"

#include "cedana/action/lazy_request.hpp"
#include "cedana/action/pid_file.hpp"
#include "cedana/archive/frame_check.hpp"
#include "cedana/base/descriptor_limit.hpp"
#include "cedana/base/memory.hpp"
#include "cedana/base/state_folder.hpp"
#include "cedana/base/text.hpp"
#include "cedana/checkpoint/small_images.hpp"
#include "cedana/criu/console.hpp"
#include "cedana/facts/entered_namespaces.hpp"
#include "cedana/host/clocks.hpp"
#include "cedana/host/description.hpp"
#include "cedana/host/fit.hpp"
#include "cedana/host/free_pids.hpp"
#include "cedana/host/hooks.hpp"
#include "cedana/host/memory_kinds.hpp"
#include "cedana/host/permissions.hpp"
#include "cedana/host/same_files.hpp"
#include "cedana/host/taken_names.hpp"
#include "cedana/migration/record.hpp"
#include "cedana/process/next_pids.hpp"
#include "cedana/process/passing_terminal.hpp"
#include "cedana/roles/kept_numbers.hpp"
#include "cedana/roles/own_stdio.hpp"
#include "cedana/undo/clean.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <set>
#include <string_view>
#include <utility>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <unistd.h>

namespace cedana {

namespace {

bool has_argument(const RestoreDraft& draft, std::string_view argument) {
    return std::ranges::count(options_of(draft).extra, argument) != 0;
}

bool is_shell_job(const RestoreDraft& draft) {
    return options_of(draft).shell_job || has_argument(draft, "--shell-job") || has_argument(draft, "-j");
}

// How long a zombie that still has a pid may take to be reaped.
constexpr auto k_zombie_limit = std::chrono::seconds(30);
// Somewhat more than the minute of TIME_WAIT (include/net/tcp.h, TCP_TIMEWAIT_LEN).
constexpr auto k_ended_limit = std::chrono::seconds(65);

// An image of a criu that is not known here must not keep it from being restored.
void read_needs(RestoreDraft& draft) {
    try {
        draft.needs = read_restore_needs(*draft.checkpoint);
    } catch (const Error& error) {
        spdlog::warn(
            "which ports, sockets and locks it needs could not be read, and is not compared with this host: {}",
            error.message());
    }
    const FileRules& rules = draft.request.files;
    if (rules.root_is_of_unit)
        draft.needs.mounts_of_unit = rules.root;
    draft.needs.unit = draft.manifest().systemd_unit;
    for (const UnitEntry& entry : draft.manifest().unit_entries) {
        if (entry.kind != UnitEntryKind::folder)
            continue;
        const bool is_made = rules.root_is_of_unit || !entry.is_private;
        (is_made ? draft.needs.made_folders : draft.needs.folders_of_unit).insert(entry.path);
    }
    // They come back closed, and bound to nothing (criu/sk-tcp.c, restore_one_tcp).
    if (has_argument(draft, "--tcp-close"))
        std::erase_if(draft.needs.inet, [](const criu::DumpedInet& one) { return one.is_connection(); });
    if (!options_of(draft).file_locks && !has_argument(draft, "--file-locks"))
        draft.needs.locks.clear();
}

void choose_clocks(RestoreDraft& draft) {
    const RestoredClocks wanted = draft.request.clocks;
    if (wanted == RestoredClocks::own)
        return;
    const auto behind = draft.needs.clocks ? clock_behind(*draft.needs.clocks) : std::nullopt;
    draft.clocks_of_host = !behind;
    if (behind && wanted == RestoredClocks::of_host)
        throw Error(Fault::environment, *behind)
            .hint("leave --clocks host out: it gets a time namespace of its own then, in which its clocks go on");
}

void require_restorable(const Manifest& manifest) {
    if (manifest.cannot_be_restored.empty())
        return;
    throw Error(Fault::restore_failed,
                fmt::format("this checkpoint cannot be restored because {}",
                            printable(fmt::format("{}", fmt::join(manifest.cannot_be_restored, "; and because ")))))
        .hint("it was made with --anyway, to be looked at alone; cedana client list shows which others there are");
}

// Where it differs from where this process is.
void open_place(RestoreDraft& draft) {
    if (!draft.request.into)
        return;
    const ProcessHandle process = ProcessHandle::open(draft.procfs, *draft.request.into);
    const Namespaces own(draft.procfs, ::getpid());
    const Namespaces its(draft.procfs, process.pid());
    if (differ(its, own, "pid") || differ(its, own, "user"))
        throw Error(Fault::usage, fmt::format("process {} lives in another pid or user namespace, and nothing can be "
                                              "restored into that",
                                              process.pid()));
    std::vector<std::string> kinds;
    for (const char* kind : {"uts", "mnt"})
        if (differ(its, own, kind))
            kinds.emplace_back(kind);
    draft.namespaces = open_namespaces(draft.procfs, process, kinds);
}

// It may run on another host: two of them are never brought about.
void require_not_given_away(const RestoreDraft& draft) {
    const auto look_there = migration::find_commit(draft.path);
    if (!look_there)
        return;
    throw Error(Fault::restore_failed, "the tree of this checkpoint was given to another host")
        .hint(fmt::format("look there: {}; where it does not run any more, take the note away and restore it: rm {}",
                          printable(*look_there), shell_word(migration::commit_of(draft.path).string())));
}

// What is there on the host, whatever is to be restored.
Steps ground_steps(RestoreDraft& draft) {
    const Config& config = draft.request.config;
    return {
        check("looking for criu", [&] { draft.criu = require_criu(config); }),
        check("looking into what it is brought back", [&] { open_place(draft); }),
        check("looking at the hooks",
              [&] {
                  require_hooks(config, {HookStage::pre_restore, HookStage::post_restore});
              }),
        check("looking at the folder for work", [] { require_own_state_folder(); }),
        phase(touch("cleaning up", [] { clean({}); })),
    };
}

Steps need_steps(RestoreDraft& draft) {
    const RestoreRequest& request = draft.request;
    return {
        check("comparing digests",
              [&] {
                  if (request.verify)
                      check_frames(draft.checkpoint->zip(), draft.checkpoint->index(), k_images_folder,
                                   static_cast<unsigned>(request.config.archive_threads), draft.interrupt);
              }),
        check("reading what it needs", [&] { read_needs(draft); }),
        check("looking at the clocks", [&] { choose_clocks(draft); }),
    };
}

} // namespace

Steps steps_that_open(RestoreDraft& draft) {
    const RestoreRequest& request = draft.request;
    return {
        // A rehearsal ends here too: what others can change must not say which of root's files are compared.
        look("looking who can change the checkpoint",
             [&] { require_trusted_checkpoint(request.config, request.caller, draft.path); }),
        look("opening the checkpoint", [&] { draft.checkpoint.emplace(draft.path, request.keyring); }),
        check("looking whether it can be restored at all", [&] { require_restorable(draft.manifest()); }),
        check("looking whether another host has it", [&] { require_not_given_away(draft); }),
    };
}

Steps lazy_steps(RestoreDraft& draft) {
    return {
        check("looking for what a lazy restore needs", [&] { refuse_lazy_requests(draft.request); }),
        check("looking for room for lazy memory", [&] { draft.lazy = prepare_lazy(draft.request, *draft.checkpoint); }),
    };
}

Steps steps_on_checkpoint(RestoreDraft& draft) {
    Steps steps = ground_steps(draft);
    append(steps, need_steps(draft));
    return steps;
}

namespace {

void require_room_in_groups(const RestoreDraft& draft) {
    const std::string groups = groups_at_return(draft.manifest(), options_of(draft).extra,
                                                draft.procfs.read(::getpid(), "cgroup").value_or(""));
    require_group_memory(
        draft.needs.memory, draft.manifest().name,
        memory_rooms(groups, memory_hierarchies(draft.procfs.read(::getpid(), "mountinfo").value_or("")), free_swap()));
}

} // namespace

Steps fit_steps(RestoreDraft& draft) {
    const ManifestHost host = describe_host();
    return {
        touch("running the hook pre_restore",
              [&] {
                  run_hook(hook_for(HookStage::pre_restore, draft.request.config),
                           {.pid = draft.pid(), .checkpoint = draft.path}, draft.interrupt);
              }),
        check("comparing this host", [&draft, host] { require_fit(draft.manifest(), host); }),
        check("comparing the CPU",
              [&draft, host] { require_instructions(draft.manifest(), host, draft.request.any_cpu); }),
    };
}

Step memory_check(RestoreDraft& draft) {
    return check("looking for memory",
                 [&] { require_memory(draft.manifest(), draft.needs.memory.locked, host_memory()); });
}

namespace {

// CRIU opens all of them next, and breaks what leases there are; a rehearsal must not.
Step compare_files(RestoreDraft& draft) {
    const auto require = [&draft](const LeasesAhead& leases) {
        require_same_files(draft.needs, draft.manifest(), options_of(draft).extra, leases);
    };
    Step step = check("comparing files", [&draft, require] {
        if (!draft.leases)
            draft.leases.emplace();
        require(*draft.leases);
    });
    step.run = [require] { require(LeasesAhead::not_heeded()); };
    return step;
}

// After the hook, which may bring what they look for.
Steps host_steps(RestoreDraft& draft) {
    const Config& config = draft.request.config;
    Steps steps = fit_steps(draft);
    append(steps,
           {
               compare_files(draft),
               memory_check(draft),
               check("looking for memory in its control group", [&] { require_room_in_groups(draft); }),
               check("looking for huge pages", [&] { require_huge_pages(draft.needs.memory, draft.manifest().name); }),
               check("looking what the kernel promises",
                     [&] { require_commitment(draft.needs.memory, draft.manifest().name); }),
               check("looking for descriptors", [&] { require_descriptors(draft.manifest(), descriptor_limit()); }),
               check("looking for high descriptors",
                     [&] { require_descriptor_numbers(draft.needs, draft.manifest().name); }),
               check("looking for descriptors of mappings",
                     [&] { require_descriptor_room(draft.needs, draft.manifest().name); }),
               check("looking for addresses", [&] { require_addresses(draft.manifest(), config.criu_extra_args); }),
           });
    return steps;
}

void lock(RestoreDraft& draft) {
    draft.lock.emplace(LockedFor::restore, state_folder() / "locks");
    draft.lock->add(pids_of(draft.manifest()));
}

Step await_free_pids(RestoreDraft& draft) {
    const auto require = [&draft](std::chrono::seconds limit) {
        // The thread that reads them has a number, which may be one of those.
        if (draft.leases)
            static_cast<void>(draft.leases->get());
        require_free_pids(draft.procfs, draft.manifest(), pids_of_ended_leaders(draft.needs.tree, is_shell_job(draft)),
                          limit, draft.interrupt);
    };
    Step step = check("looking who has the pids", [require] { require({}); });
    step.run = [require] { require(k_zombie_limit); };
    return step;
}

// A copy beside the original has pids of its own.
Steps pid_steps(RestoreDraft& draft) {
    return {
        touch(
            "locking the pids", [&] { lock(draft); },
            [&] { require_unlocked(LockedFor::restore, pids_of(draft.manifest())); }),
        await_free_pids(draft),
        // The hooks, and what was there to look at files, have numbers of their own; what follows must not have those.
        touch("keeping its pids free", [&] { keep_numbers_clear(numbers_of(draft.needs.tree)); }),
    };
}

void join_ends(RestoreDraft& draft) {
    const RestoreRequest& request = draft.request;
    const OwnStdio own = request.given_ends ? read_given_ends(*request.given_ends) : read_own_stdio();
    const TerminalUse use = draft.needs.had_single_keys ? TerminalUse::single_keys : TerminalUse::lines;
    draft.attendance = request.attendance;
    if (request.may_stay && is_shell_job(draft) &&
        attendance_of(use, own, request.output_named()) == Attendance::foreground)
        draft.attendance = Attendance::foreground;
    const Attendance of_ends = request.given_ends ? Attendance::foreground : draft.attendance;
    draft.joins = choose_joins(draft.manifest(), own, of_ends, request.output_named(), use);
    if (draft.joins.terminal == TerminalJoin::given)
        if (const auto terminals = SmallImages(*draft.checkpoint).read("tty-info.img"))
            draft.joins.terminal_id = criu::find_console(*terminals).value_or("");
}

Steps end_steps(RestoreDraft& draft) {
    return {
        look("looking at this command's descriptors", [&] { join_ends(draft); }),
        check("looking where output goes", [&] { require_output(draft.joins, draft.request.output_place()); }),
        check("looking where its pid goes",
              [&] {
                  if (draft.request.pid_file)
                      require_pid_file(draft.request.caller, *draft.request.pid_file);
              }),
    };
}

// It reads files, so it is done once.
Step foretell_files(RestoreDraft& draft) {
    return foretell("looking at files", [&] {
        const FileRestore files(*draft.checkpoint, draft.request.config, draft.request.files);
        draft.files = files.rehearse(draft.procfs, draft.interrupt);
    });
}

// In a pid namespace of its own nothing of what it needs becomes free because its pids must: others have those.
std::set<pid_t> leaving(const RestoreDraft& draft) {
    if (draft.request.new_pid_namespace)
        return {};
    const std::vector<pid_t> pids = pids_of(draft.manifest());
    return {pids.begin(), pids.end()};
}

// What this command's own terminal has taken nobody can have before the command has ended.
bool keep_numbers_for_the_next(const RestoreDraft& draft) {
    const std::vector<unsigned>& own = draft.manifest().own_terminals;
    const std::vector<unsigned> passing = passing_numbers(draft.procfs, ::getpid());
    if (draft.needs.own_mounts ||
        std::ranges::none_of(passing, [&](unsigned number) { return std::ranges::count(own, number) != 0; }))
        return false;
    roles::keep_numbers(own);
    return true;
}

Step refuse_taken_names(RestoreDraft& draft) {
    const auto look = [&draft] { return taken_names(draft, TakenWhen::before_files); };
    Step step = check_each("looking who has its names", look);
    step.run = [&draft, run = step.run] {
        free_ports(draft.procfs, draft.needs, k_ended_limit, draft.interrupt);
        try {
            run();
        } catch (Error& error) {
            if (keep_numbers_for_the_next(draft) && error.hint() == k_restore_twice)
                error.hint(fmt::format(
                    "run it once more: from the end of this command the number is kept for it, for {} minutes",
                    roles::k_kept_for.count()));
            throw;
        }
    };
    return step;
}

} // namespace

RestoreDraft::RestoreDraft(const RestoreRequest& what, const Interrupt& by)
    : request(what), interrupt(by), path(std::filesystem::absolute(what.checkpoint).lexically_normal()) {}

CriuOptions options_of(const RestoreDraft& draft) {
    const std::vector<std::string>& extra = draft.request.config.criu_extra_args;
    CriuOptions options = draft.manifest().criu_options;
    options.tcp_established = options.tcp_established || has_connections(draft.needs);
    options.extra.insert(options.extra.end(), extra.begin(), extra.end());
    return options;
}

Errors taken_names(const RestoreDraft& draft, TakenWhen when) {
    RestoreNeeds needs = draft.needs;
    if (when == TakenWhen::before_files && draft.request.files.force)
        std::erase_if(needs.locks, [&](const NeededLock& one) {
            return std::ranges::count(draft.manifest().files, one.path, &CapturedFile::path) != 0;
        });
    const std::set<pid_t> gone_by_then = leaving(draft);
    Errors refused = taken_ports(draft.procfs, needs, gone_by_then);
    for (const auto& look : {taken_sockets, taken_locks})
        std::ranges::move(look(draft.procfs, needs, gone_by_then), std::back_inserter(refused));
    const std::vector<unsigned>& terminals = draft.manifest().own_terminals;
    if (terminals.empty())
        return refused;
    // Those end before CRIU needs what they hold.
    std::set<pid_t> without_keepers = gone_by_then;
    without_keepers.merge(roles::keepers_of_numbers(draft.procfs));
    std::ranges::move(taken_terminals(draft.procfs, needs, terminals, without_keepers), std::back_inserter(refused));
    return refused;
}

Steps steps_before_arrival(RestoreDraft& draft) {
    Steps steps = ground_steps(draft);
    append(steps, host_steps(draft));
    if (!draft.request.new_pid_namespace)
        append(steps, pid_steps(draft));
    steps.push_back(refuse_taken_names(draft));
    append(steps, end_steps(draft));
    return steps;
}

Steps steps_before_restore(RestoreDraft& draft) {
    Steps steps = steps_on_checkpoint(draft);
    append(steps, lazy_steps(draft));
    steps.push_back(
        check("looking for huge pages in the checkpoint", [&] { draft.huge = read_huge_memory(*draft.checkpoint); }));
    append(steps, host_steps(draft));
    if (!draft.request.new_pid_namespace)
        append(steps, pid_steps(draft));
    steps.push_back(refuse_taken_names(draft));
    append(steps, end_steps(draft));
    if (!draft.request.beside_original)
        steps.push_back(foretell_files(draft));
    return steps;
}

} // namespace cedana
