// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/tree_return.hpp"

#include "cedana/action/mends_by_manifest.hpp"
#include "cedana/action/unsent_hold.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/state_folder.hpp"
#include "cedana/base/text.hpp"
#include "cedana/checkpoint/restore_needs.hpp"
#include "cedana/checkpoint/small_images.hpp"
#include "cedana/checkpoint/unread_pipe_data.hpp"
#include "cedana/criu/diagnose.hpp"
#include "cedana/criu/entry.hpp"
#include "cedana/criu/log.hpp"
#include "cedana/facts/attributes.hpp"
#include "cedana/facts/socket_options.hpp"
#include "cedana/process/descendants.hpp"
#include "cedana/process/tree.hpp"
#include "cedana/roles/kept_numbers.hpp"
#include "cedana/roles/own_stdio.hpp"
#include "cedana/roles/own_terminal.hpp"
#include "cedana/undo/kept_logs.hpp"
#include "cedana/undo/undo_restore.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <sys/personality.h>
#include <unistd.h>

namespace cedana {

namespace {

roles::Terminal terminal_for(TerminalJoin join) {
    switch (join) {
    case TerminalJoin::ours:
        return roles::Terminal::ours;
    case TerminalJoin::shown:
    case TerminalJoin::file:
        return roles::Terminal::fresh;
    case TerminalJoin::given:
    case TerminalJoin::not_needed:
        break;
    }
    return roles::Terminal::none;
}

// In a mount namespace of its own they are not this host's.
std::vector<SocketPath> socket_paths(const RestoreNeeds& needs, const std::vector<UnitEntry>& of_unit) {
    std::vector<SocketPath> paths;
    if (needs.own_mounts)
        return paths;
    for (const criu::DumpedUnix& socket : needs.unix_ones)
        if (!socket.is_external && !socket.path().empty() && !is_in_private_folder(of_unit, socket.path()))
            paths.push_back({.path = socket.path(), .is_made_anew = socket.is_bound_anew() && !socket.is_deleted});
    // Of several with one path that counts which is made anew.
    std::stable_partition(paths.begin(), paths.end(), [](const SocketPath& one) { return one.is_made_anew; });
    return paths;
}

// As it is seen from here, of a task of a pid namespace that was made for this restore.
pid_t pid_outside(const Procfs& procfs, pid_t inside) {
    const Descendants own(procfs, ::getpid());
    for (const pid_t pid : procfs.pids())
        if (own.contain(pid))
            if (const auto status = procfs.status(pid);
                status && status->namespace_pids.size() == 2 && status->namespace_pids.back() == inside)
                return pid;
    throw Error(Fault::restore_failed, fmt::format("criu has restored no process {}", inside));
}

// Nobody but a process itself can set its personality (personality(2)), and what CRIU restores has that of CRIU, which
// has that of who starts it. Those that CRIU itself can live with, and that a program's start does not take away
// (READ_IMPLIES_EXEC, arch/x86/kernel/process_64.c).
constexpr unsigned long k_inherited_personality =
    static_cast<unsigned long>(PER_LINUX32) | ADDR_NO_RANDOMIZE | ADDR_COMPAT_LAYOUT | WHOLE_SECONDS | STICKY_TIMEOUTS;

// Changes nothing (personality(2)).
constexpr unsigned long k_ask_personality = 0xffffffff;

// What all of the tree had in common; of a checkpoint that does not tell, that of this process.
unsigned long personality_of(const Manifest& manifest) {
    if (manifest.attributes.empty())
        return static_cast<unsigned long>(::personality(k_ask_personality)) & k_inherited_personality;
    unsigned long common = k_inherited_personality;
    for (const ProcessAttributes& process : manifest.attributes)
        common &= static_cast<unsigned long>(process.personality);
    return common;
}

unsigned long personality_for_criu(unsigned long own, unsigned long inherited) {
    return (own & ~k_inherited_personality) | inherited;
}

class PersonalityScope {
  public:
    explicit PersonalityScope(unsigned long inherited) : before_(::personality(k_ask_personality)) {
        if (before_ >= 0)
            ::personality(personality_for_criu(static_cast<unsigned long>(before_), inherited));
    }
    PersonalityScope(const PersonalityScope&) = delete;
    PersonalityScope& operator=(const PersonalityScope&) = delete;
    ~PersonalityScope() {
        if (before_ >= 0)
            ::personality(static_cast<unsigned long>(before_));
    }

  private:
    int before_;
};

// What is not known, and what would take longer to find out than it spares, is taken to.
bool need_limits_raised(const Checkpoint& checkpoint, const std::vector<criu::DumpedProcess>& tree) {
    constexpr std::size_t k_many_threads = 32;
    SmallImages images(checkpoint);
    std::size_t seen = 0;
    for (const criu::DumpedProcess& process : tree)
        for (const pid_t thread : process.threads) {
            const auto core = ++seen > k_many_threads ? std::nullopt : images.read(fmt::format("core-{}.img", thread));
            if (!core || criu::needs_limits_raised(*core))
                return true;
        }
    return seen == 0;
}

} // namespace

TreeReturn::TreeReturn(RestoreDraft& draft, Progress& progress, Stopwatch& watch)
    : draft_(draft), progress_(progress), watch_(watch), activity_(fmt::format("restoring {}", draft.path.string())),
      work_(WorkKind::restore, state_folder()), files_(*draft.checkpoint, draft.request.config, draft.request.files,
                                                       work_.path() / k_put_back_journal, draft.request.staged) {}

Restored TreeReturn::run() {
    carry_out({phase(touch("putting files back", [&] { put_files_back(); }))}, progress_);
    // What is on the terminal then is the program's.
    Progress silent;
    if (draft_.joins.terminal == TerminalJoin::ours)
        progress_.done();
    carry_out({phase(touch("restoring", [&] { step(activity_, [&] { run_criu(); }); }))},
              draft_.joins.terminal == TerminalJoin::ours ? silent : progress_);
    if (made_entries_)
        made_entries_->commit();
    remaps_->commit();
    sockets_->commit();
    files_.commit(restored_.files);
    if (restored_.start)
        restored_.start->commit();
    watch_.lap("restore");
    for (const std::string& loss : lost_)
        spdlog::warn("{}", loss);
    return std::move(restored_);
}

void TreeReturn::put_files_back() {
    const bool beside_original = draft_.request.beside_original;
    if (!beside_original)
        make_unit_entries();
    if (!beside_original)
        restored_.files = step(activity_, [&] { return files_.put_back(draft_.procfs, draft_.interrupt); });
    std::vector<LinkRemap> remaps = draft_.manifest().link_remaps;
    // The names that wait for the restore of the original are left alone.
    if (beside_original) {
        for (LinkRemap& remap : remaps)
            if (!remap.waits.empty())
                remap.name = std::exchange(remap.waits, {});
        std::erase_if(remaps, [](const LinkRemap& remap) { return remap.name.empty(); });
    }
    remaps_.emplace(remaps, work_.path() / k_remap_journal);
    refuse_taken_names();
    sockets_.emplace(socket_paths(draft_.needs, draft_.manifest().unit_entries), work_.path() / k_socket_journal);
    watch_.lap("files");
}

void TreeReturn::make_unit_entries() {
    std::vector<UnitEntry> entries = draft_.manifest().unit_entries;
    if (!draft_.request.files.root_is_of_unit)
        std::erase_if(entries, [](const UnitEntry& entry) { return entry.is_private; });
    made_entries_.emplace(entries, draft_.request.files.root);
}

// Once more: files were put back, the hook may have run for long, and a restore that waits for a lock waits for ever.
void TreeReturn::refuse_taken_names() const {
    Progress silent;
    carry_out({check_each("looking who has its names", [&] { return taken_names(draft_, TakenWhen::after_files); })},
              silent);
}

// While it stands still, or of a copy in a pid namespace of its own right after.
void TreeReturn::put_settings_back(pid_t root) {
    const ProcessTree tree = read_frozen_tree(draft_.procfs, ProcessHandle::open(draft_.procfs, root));
    lost_ = put_attributes_back(draft_.procfs, tree, draft_.manifest().attributes);
    std::vector<std::string> more = put_socket_options_back(tree, draft_.manifest().socket_options);
    std::ranges::move(more, std::back_inserter(lost_));
}

// CRIU gives the keys to the group of the root (criu/tty.c, pty_open_unpaired_slave). A job of it that had them, as
// below a shell, would be stopped at its next read.
bool TreeReturn::lends_keys() const {
    return draft_.joins.terminal == TerminalJoin::ours && draft_.attendance == Attendance::foreground &&
           draft_.needs.foreground_group != 0 && draft_.needs.foreground_group != draft_.needs.tree.front().group;
}

void TreeReturn::complete_standing(pid_t root) {
    if (lends_keys())
        lend_own_terminal(draft_.needs.foreground_group);
    if (has_settings_)
        put_settings_back(root);
}

// By then it may have ended.
void TreeReturn::put_settings_back_late() {
    try {
        put_settings_back(restored_.report.pid);
    } catch (const Error& error) {
        spdlog::debug("what criu does not keep could not be put back: {}", error.message());
    }
}

// CRIU starts its action script at five stages, each by a fork.
bool TreeReturn::has_settings() const {
    const Manifest& manifest = draft_.manifest();
    if (manifest.attributes.empty() && manifest.socket_options.empty())
        return false;
    if (has_own_pids() || !manifest.socket_options.empty())
        return true;
    ProcessAttributes inherited = inherited_attributes(draft_.procfs);
    inherited.personality = personality_for_criu(inherited.personality, personality_of(manifest));
    const bool all_inherit = std::ranges::all_of(manifest.attributes, [&](const ProcessAttributes& process) {
        return comes_back_by_itself(process, inherited);
    });
    const bool must_be_held = !all_inherit || need_limits_raised(*draft_.checkpoint, draft_.needs.tree);
    if (!must_be_held)
        spdlog::debug("it is let go by criu itself: nothing of it has to be put back");
    return must_be_held;
}

criu::RestoreJob TreeReturn::job(Progress& shown) {
    CriuOptions options = options_of(draft_);
    // It is in the control group of whoever restores it.
    options.ignore_cgroups = options.ignore_cgroups || draft_.request.into;
    if (const std::string root = own_root(); !root.empty())
        options.extra.insert(options.extra.end(), {"--root", root});
    return {.program = draft_.criu.path,
            .options = std::move(options),
            .folder = work_.path(),
            .namespaces = draft_.namespaces,
            .held = work_.lock(),
            .lazy_pages = draft_.lazy ? criu::LazyPages::left_out : criu::LazyPages::sent,
            .tree_is_mapped = draft_.huge.tasks.empty() ? std::function<void()>() : [this] { put_huge_pages(); },
            .progress = &shown,
            .total_bytes = draft_.manifest().bytes_images,
            .standing = (has_settings_ || lends_keys()) && !has_own_pids()
                            ? [this](pid_t root) { complete_standing(root); }
                            : std::function<void(pid_t)>(),
            .hold = draft_.request.before_run ? [this](pid_t root) { draft_.request.before_run(seen_from_here(root)); }
                                              : std::function<void(pid_t)>(),
            .sockets_are_back = held_connections_ ? [this] { held_connections_.reset(); } : std::function<void()>(),
            .locked_on_fault = locks_on_fault(draft_.manifest()),
            .posix_locks = posix_locks(draft_.manifest()),
            .limits_put_back = has_settings_ ? limits_put_back(draft_.manifest()) : std::set<pid_t>(),
            .clocks_left = draft_.clocks_of_host ? std::optional(draft_.pid()) : std::nullopt,
            .own_pids = has_own_pids()};
}

// Empty for a tree that lives among the mounts of this host, and where CRIU was told its root.
std::string TreeReturn::own_root() const {
    const std::vector<std::string>& extra = draft_.request.config.criu_extra_args;
    const auto names_root = [](const std::string& one) { return one == "--root" || one.starts_with("--root="); };
    if (!draft_.manifest().own_mounts || std::ranges::any_of(extra, names_root))
        return {};
    const std::filesystem::path root = work_.path() / "root";
    make_private_folder(root, Fault::environment);
    return root.string();
}

roles::RestoreRoles TreeReturn::restore_roles() const {
    return {.terminal = terminal_for(draft_.joins.terminal),
            .own_terminals = draft_.manifest().own_terminals,
            .pids = has_own_pids() ? roles::Pids::in_new_namespace : roles::Pids::same,
            .root = own_root(),
            .numbers = numbers_of(draft_.needs.tree),
            .stops = draft_.attendance == Attendance::foreground ? roles::KeyStops::continued : roles::KeyStops::left};
}

void TreeReturn::run_criu() {
    const Checkpoint& checkpoint = *draft_.checkpoint;
    const Config& config = draft_.request.config;
    has_settings_ = has_settings();
    if (!draft_.namespaces.empty())
        criu::note_kernel_features(draft_.criu.path);
    if (draft_.lazy)
        restored_.start = std::make_unique<LazyStart>(checkpoint, config, work_.path(),
                                                      draft_.request.supply.value_or(std::filesystem::path()));
    Progress silent;
    Progress& shown = draft_.joins.terminal == TerminalJoin::ours ? silent : progress_;
    CheckpointImages images(
        checkpoint, config,
        without(draft_.huge, checkpoint.index(), draft_.lazy ? eager_parts(*draft_.lazy) : ImageParts{}));
    std::map<std::uint64_t, criu::PipeData> unread;
    if (!draft_.joins.pipes.empty())
        unread = unread_in_pipes(images);
    if (!draft_.manifest().own_terminals.empty())
        roles::free_kept_numbers(draft_.procfs);
    roles::Ends ends = make_ends(draft_.joins, draft_.request.output_place(), unread);
    std::ranges::move(roles::open_outside_files(draft_.manifest().outside_files), std::back_inserter(ends.of_tree));
    hold_unsent(draft_, held_connections_);
    {
        const PersonalityScope personality(personality_of(draft_.manifest()));
        restored_.report = roles::restore(job(shown), restore_roles(), std::move(ends), images, draft_.interrupt);
    }
    held_connections_.reset();
    if (!restored_.report.status.success())
        explain_failure();
    if (has_settings_ && !restored_.report.stood)
        put_settings_back_late();
    if (restored_.start)
        restored_.start->await_hold(restored_.report.pid, draft_.interrupt);
}

pid_t TreeReturn::seen_from_here(pid_t restored) const {
    return has_own_pids() ? pid_outside(draft_.procfs, restored) : restored;
}

void TreeReturn::put_huge_pages() const {
    put_in_place(
        draft_.huge, *draft_.checkpoint, [this](pid_t pid) { return seen_from_here(pid); }, draft_.interrupt);
}

void TreeReturn::explain_failure() const {
    // Who brings the memory knows better than CRIU why its pages did not come.
    if (restored_.start) {
        restored_.start->end();
        const auto failure = restored_.start->failure();
        if (failure && failure->fault() != Fault::interrupted)
            throw Error(*failure);
    }
    const auto log = work_.path() / criu::k_restore_log;
    const std::string said = read_log(log) + read_log(work_.path() / "criu.out");
    criu::Diagnosis diagnosis = criu::diagnose(said);
    // What CRIU does not know: which name it was, and who has it.
    if (const Errors taken = criu::fails_by_a_name(said) ? taken_names(draft_, TakenWhen::after_files) : Errors();
        !taken.empty())
        diagnosis = {.cause = fmt::format("{}; {}", taken.front().message(), diagnosis.cause),
                     .hint = taken.front().hint()};
    throw Error(Fault::restore_failed,
                fmt::format("cannot restore process {} ({}): criu {}; nothing of it runs", draft_.pid(),
                            printable(draft_.manifest().name), restored_.report.status.text()))
        .cause(diagnosis.cause)
        .hint(diagnosis.hint)
        .log(keep_log(log, "restore", draft_.pid()));
}

} // namespace cedana
