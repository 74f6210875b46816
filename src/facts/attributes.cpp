// SPDX-License-Identifier: Apache-2.0
#include "cedana/facts/attributes.hpp"

#include "cedana/base/child_process.hpp"
#include "cedana/base/file_id.hpp"
#include "cedana/base/parallel.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/facts/cpu_list.hpp"
#include "cedana/facts/external_ends.hpp"
#include "cedana/facts/losses.hpp"
#include "cedana/facts/refusal.hpp"
#include "cedana/process/file_locks.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hung_up.hpp"
#include "kernel_compare.hpp"

namespace cedana {

namespace {

// linux/ioprio.h
constexpr int k_ioprio_who_process = 1;
// sched_attr of linux/sched/types.h, which cannot be included beside sched.h.
struct SchedAttributes {
    std::uint32_t size = sizeof(SchedAttributes);
    std::uint32_t sched_policy = 0;
    std::uint64_t sched_flags = 0;
    std::int32_t sched_nice = 0;
    std::uint32_t sched_priority = 0;
    std::uint64_t sched_runtime = 0;
    std::uint64_t sched_deadline = 0;
    std::uint64_t sched_period = 0;
    std::uint32_t sched_util_min = 0;
    std::uint32_t sched_util_max = 0;
};

// linux/sched.h
constexpr std::uint64_t k_keep_clamps = 0x60;
constexpr std::uint64_t k_reset_on_fork = 0x01;

constexpr auto k_limit_names =
    std::to_array<const char*>({"CPU time", "the size of files", "data", "the stack", "core dumps", "resident memory",
                                "processes", "open files", "locked memory", "address space", "file locks",
                                "pending signals", "message queues", "nice", "real-time priority", "real-time time"});

std::optional<std::uint64_t> number_read(const std::optional<std::string>& text, int base = 10) {
    if (!text)
        return std::nullopt;
    const std::string_view word = trim(*text);
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number, base);
    return error == std::errc() && end == word.data() + word.size() ? std::optional(number) : std::nullopt;
}

// "/autogroup-17 nice 5"
std::optional<int> autogroup_nice_of(const Procfs& procfs, pid_t pid) {
    constexpr std::string_view k_nice = " nice ";
    const std::string text = procfs.read(pid, "autogroup").value_or("");
    const std::size_t at = text.find(k_nice);
    std::int64_t nice = 0;
    if (at == std::string::npos || !parse_number(trim(std::string_view(text).substr(at + k_nice.size())), nice))
        return std::nullopt;
    return static_cast<int>(nice);
}

std::optional<SchedAttributes> scheduling_of(pid_t thread) {
    SchedAttributes scheduling;
    if (::syscall(SYS_sched_getattr, thread, &scheduling, sizeof scheduling, 0U) != 0)
        return std::nullopt;
    return scheduling;
}

// Linux 6.12 and later: of a fair thread. 0: that of this host, as cedana has it.
std::uint64_t own_slice(const SchedAttributes& scheduling) {
    const bool is_fair = scheduling.sched_policy == SCHED_OTHER || scheduling.sched_policy == SCHED_BATCH;
    const auto here = scheduling_of(0);
    return is_fair && here && here->sched_runtime != scheduling.sched_runtime ? scheduling.sched_runtime : 0;
}

std::vector<std::uint64_t> limits_of(pid_t pid) {
    std::vector<std::uint64_t> limits;
    for (unsigned resource = 0; resource < RLIM_NLIMITS; ++resource) {
        rlimit64 limit{};
        if (::prlimit64(pid, static_cast<__rlimit_resource>(resource), nullptr, &limit) != 0)
            return {};
        limits.insert(limits.end(), {limit.rlim_cur, limit.rlim_max});
    }
    return limits;
}

// The affinity of who was never limited, if the tree is where cedana is (cpuset(7)): not to be told as a limit, since
// another host has other CPUs.
CpuSet unlimited_affinity(const Procfs& procfs, pid_t pid) {
    return procfs.read(pid, "cpuset") == procfs.read(::getpid(), "cpuset") ? widest_affinity() : CpuSet();
}

std::optional<ThreadAttributes> read_thread(const Procfs& procfs, pid_t thread, const CpuSet& unlimited) {
    const auto cpus = affinity_of(thread);
    const auto scheduling = scheduling_of(thread);
    if (!cpus || !scheduling)
        return std::nullopt;
    const long io_priority = ::syscall(SYS_ioprio_get, k_ioprio_who_process, thread);
    return ThreadAttributes{.threads = {},
                            .cpus = *cpus == unlimited ? std::string() : cpu_list(*cpus),
                            .io_priority = io_priority < 0 ? 0 : static_cast<int>(io_priority),
                            // By its own number it is to be had for every thread, not for the first alone (fs/proc).
                            .timer_slack = number_read(procfs.read(thread, "timerslack_ns")).value_or(0),
                            .sched_policy = scheduling->sched_policy,
                            .sched_flags = scheduling->sched_flags & k_reset_on_fork,
                            .nice = scheduling->sched_nice,
                            .sched_priority = scheduling->sched_priority,
                            .sched_runtime = own_slice(*scheduling),
                            .util_min = scheduling->sched_util_min,
                            .util_max = scheduling->sched_util_max};
}

pid_t innermost(const Procfs& procfs, const TreeProcess& process, pid_t thread) {
    if (process.status.namespace_pids.size() < 2)
        return thread;
    const auto status = procfs.status(thread);
    return status && !status->namespace_pids.empty() ? status->namespace_pids.back() : thread;
}

auto settings_of(const ThreadAttributes& one) {
    return std::tie(one.cpus, one.io_priority, one.timer_slack, one.sched_policy, one.sched_flags, one.nice,
                    one.sched_priority, one.sched_runtime, one.util_min, one.util_max);
}

void add_thread(std::vector<ThreadAttributes>& all, ThreadAttributes one, pid_t thread) {
    auto alike = std::ranges::find_if(
        all, [&](const ThreadAttributes& known) { return settings_of(known) == settings_of(one); });
    if (alike == all.end())
        alike = all.insert(all.end(), std::move(one));
    alike->threads.push_back(thread);
}

// What could not be put back, by the reason: the threads of a program are often many.
class Losses {
  public:
    void add(const std::string& what, const std::string& why, const TreeProcess& process) {
        auto& entry = losses_[{what, why}];
        if (entry.second++ == 0)
            entry.first = described(process.stat);
    }
    [[nodiscard]] std::vector<std::string> sentences() const {
        std::vector<std::string> sentences;
        for (const auto& [loss, whose] : losses_)
            sentences.push_back(fmt::format("{} of {}{} could not be put back: {}", loss.first, whose.first,
                                            whose.second > 1 ? fmt::format(" and {} more", whose.second - 1) : "",
                                            loss.second));
        return sentences;
    }

  private:
    // The first of them, and how many.
    std::map<std::pair<std::string, std::string>, std::pair<std::string, std::size_t>> losses_;
};

std::string reason() { return std::strerror(errno); }

bool write_proc(pid_t pid, const char* name, const std::string& text) {
    const UniqueFd file(::open(fmt::format("/proc/{}/{}", pid, name).c_str(), O_WRONLY | O_CLOEXEC));
    return file && ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

void put_affinity_back(Losses& losses, const TreeProcess& process, pid_t thread, const std::string& wanted) {
    const auto now = affinity_of(thread);
    const auto cpus = wanted.empty() ? every_cpu() : parse_cpu_list(wanted);
    if (!now || !cpus || *now == *cpus)
        return;
    if (!set_affinity(thread, *cpus)) {
        // EINVAL: none of them is here, or in its cpuset.
        losses.add("the CPU affinity",
                   errno == EINVAL ? fmt::format("none of the CPUs {} is here for it", printable(wanted)) : reason(),
                   process);
        return;
    }
    if (const auto got = affinity_of(thread); !wanted.empty() && got && *got != *cpus)
        losses.add("the CPU affinity", fmt::format("of the CPUs {} it has {}", printable(wanted), cpu_list(*got)),
                   process);
}

void put_io_priority_back(Losses& losses, const TreeProcess& process, pid_t thread, int wanted) {
    if (::syscall(SYS_ioprio_get, k_ioprio_who_process, thread) != wanted &&
        ::syscall(SYS_ioprio_set, k_ioprio_who_process, thread, wanted) != 0)
        losses.add("the I/O priority", reason(), process);
}

void put_scheduling_back(Losses& losses, const TreeProcess& process, pid_t thread, const ThreadAttributes& wanted) {
    const auto now = scheduling_of(thread);
    if (!now || wanted.sched_policy == SCHED_DEADLINE)
        return;
    const bool has_clamps = wanted.util_max != 0 && now->sched_util_max != 0;
    const bool same_clamps =
        !has_clamps || (now->sched_util_min == wanted.util_min && now->sched_util_max == wanted.util_max);
    const bool same_slice = wanted.sched_runtime == 0 || now->sched_runtime == wanted.sched_runtime;
    if (now->sched_policy == wanted.sched_policy && (now->sched_flags & k_reset_on_fork) == wanted.sched_flags &&
        now->sched_nice == wanted.nice && now->sched_priority == wanted.sched_priority && same_slice && same_clamps)
        return;
    SchedAttributes scheduling;
    scheduling.sched_policy = static_cast<std::uint32_t>(wanted.sched_policy);
    scheduling.sched_flags = wanted.sched_flags | (same_clamps ? 0 : k_keep_clamps);
    scheduling.sched_nice = wanted.nice;
    scheduling.sched_priority = static_cast<std::uint32_t>(wanted.sched_priority);
    scheduling.sched_runtime = wanted.sched_runtime;
    scheduling.sched_util_min = static_cast<std::uint32_t>(wanted.util_min);
    scheduling.sched_util_max = static_cast<std::uint32_t>(wanted.util_max);
    if (::syscall(SYS_sched_setattr, thread, &scheduling, 0U) != 0)
        losses.add("the scheduling", reason(), process);
}

// Of a real-time thread it is 0, and does not count (kernel/time/hrtimer.c).
void put_timer_slack_back(const Procfs& procfs, Losses& losses, const TreeProcess& process, pid_t thread,
                          std::uint64_t wanted) {
    const auto now = number_read(procfs.read(thread, "timerslack_ns"));
    if (wanted != 0 && now && *now != wanted && !write_proc(thread, "timerslack_ns", std::to_string(wanted)))
        losses.add("the timer slack", reason(), process);
}

std::string limit_text(std::uint64_t limit) {
    return limit == RLIM64_INFINITY ? std::string("unlimited") : std::to_string(limit);
}

// CRIU's restorer sets both or none, and does not look whether it could (criu/pie/restorer.c, restore_rlims).
void put_limit_back(Losses& losses, const TreeProcess& process, unsigned number, const rlimit64& wanted) {
    const auto resource = static_cast<__rlimit_resource>(number);
    rlimit64 now{};
    if (::prlimit64(process.pid(), resource, nullptr, &now) != 0 ||
        (now.rlim_cur == wanted.rlim_cur && now.rlim_max == wanted.rlim_max))
        return;
    if (::prlimit64(process.pid(), resource, &wanted, nullptr) == 0)
        return;
    const std::string why = errno == EPERM ? "raising a hard limit needs CAP_SYS_RESOURCE" : reason();
    const rlimit64 nearest{.rlim_cur = std::min(wanted.rlim_cur, now.rlim_max), .rlim_max = now.rlim_max};
    static_cast<void>(::prlimit64(process.pid(), resource, &nearest, nullptr));
    losses.add(fmt::format("the limit on {} ({})",
                           number < k_limit_names.size() ? k_limit_names[number] : std::to_string(number).c_str(),
                           limit_text(wanted.rlim_max)),
               fmt::format("it has {} now; {}", limit_text(now.rlim_max), why), process);
}

// CRIU reads it (criu/pie/parasite.c, parasite_dump_tty), and does not set it (criu/tty.c).
void put_exclusive_terminals_back(Losses& losses, const TreeProcess& process, const std::vector<int>& wanted) {
    for (const int fd : wanted) {
        const UniqueFd terminal = copy_descriptor(process.handle.pidfd(), fd);
        if (!terminal || ::ioctl(terminal.get(), TIOCEXCL) != 0)
            losses.add("that nobody else may open its terminal (TIOCEXCL)", reason(), process);
    }
}

// A master whose terminal was never opened waits for that; CRIU does not open and close it (criu/tty.c). The kernel
// remembers that it was closed (drivers/tty/pty.c, pty_close).
void put_hang_ups_back(Losses& losses, const TreeProcess& process, const std::vector<int>& masters) {
    for (const int fd : masters) {
        const UniqueFd master = copy_descriptor(process.handle.pidfd(), fd);
        if (!master || !UniqueFd(::ioctl(master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC)))
            losses.add("that its terminal was closed by all who had it", reason(), process);
    }
}

void put_process_back(const Procfs& procfs, Losses& losses, const TreeProcess& process,
                      const ProcessAttributes& wanted) {
    const pid_t pid = process.pid();
    for (std::size_t i = 0; i + 1 < wanted.limits.size() && i / 2 < RLIM_NLIMITS; i += 2)
        put_limit_back(losses, process, static_cast<unsigned>(i / 2),
                       {.rlim_cur = wanted.limits[i], .rlim_max = wanted.limits[i + 1]});
    if (const auto now = number_read(procfs.read(pid, "coredump_filter"), 16);
        wanted.coredump_filter && now && *now != *wanted.coredump_filter &&
        !write_proc(pid, "coredump_filter", fmt::format("{:#x}", *wanted.coredump_filter)))
        losses.add("the coredump filter", reason(), process);
    std::int64_t adjustment = 0;
    if (parse_number(trim(procfs.read(pid, "oom_score_adj").value_or("")), adjustment) &&
        adjustment != wanted.oom_score_adj && !write_proc(pid, "oom_score_adj", std::to_string(wanted.oom_score_adj)))
        losses.add("oom_score_adj", errno == EACCES ? "lowering it needs CAP_SYS_RESOURCE" : reason(), process);
    // That of a tree which was not the leader of its session is of the shell that restores it, and its other jobs.
    if (wanted.autogroup_nice && process.stat.session == pid && autogroup_nice_of(procfs, pid) &&
        autogroup_nice_of(procfs, pid) != wanted.autogroup_nice &&
        !write_proc(pid, "autogroup", std::to_string(*wanted.autogroup_nice)))
        losses.add("the nice value of the session's autogroup", reason(), process);
    put_exclusive_terminals_back(losses, process, wanted.exclusive_terminals);
    put_hang_ups_back(losses, process, wanted.hung_up_masters);
    // Nobody but a process itself can set it (kernel/exec_domain.c); it has that of CRIU.
    if (const auto now = number_read(procfs.read(pid, "personality"), 16); now && *now != wanted.personality)
        losses.add(fmt::format("the personality ({:#x})", wanted.personality),
                   fmt::format("it has {:#x} now, and only a process itself can set it", *now), process);
}

void put_threads_back(const Procfs& procfs, Losses& losses, const TreeProcess& process,
                      const ProcessAttributes& wanted) {
    PidsHere here;
    for (const pid_t thread : process.threads)
        here.emplace(innermost(procfs, process, thread), thread);
    for (const ThreadAttributes& attributes : wanted.threads) {
        for (const pid_t inside : attributes.threads) {
            const auto thread = here.find(inside);
            if (thread == here.end())
                continue;
            put_affinity_back(losses, process, thread->second, attributes.cpus);
            put_scheduling_back(losses, process, thread->second, attributes);
            put_io_priority_back(losses, process, thread->second, attributes.io_priority);
            put_timer_slack_back(procfs, losses, process, thread->second, attributes.timer_slack);
        }
    }
}

} // namespace

pid_t innermost_pid(const TreeProcess& process) {
    return process.status.namespace_pids.empty() ? process.pid() : process.status.namespace_pids.back();
}

PidsHere pids_here(const ProcessTree& tree) {
    PidsHere pids;
    for (const TreeProcess& process : tree.processes)
        pids.emplace(innermost_pid(process), process.pid());
    return pids;
}

namespace {

void read_threads(const Procfs& procfs, const TreeProcess& process, const CpuSet& unlimited,
                  std::vector<ThreadAttributes>& all) {
    // The processes are divided among several threads already; of one with many threads these are, too.
    constexpr std::size_t k_least_each = 64;
    struct Read {
        std::optional<ThreadAttributes> attributes;
        pid_t innermost = 0;
    };
    std::vector<Read> found(process.threads.size());
    parallel(found.size(), threads_for(found.size(), k_least_each), [&](std::size_t i, const std::stop_token&) {
        const pid_t thread = process.threads[i];
        found[i] = {.attributes = read_thread(procfs, thread, unlimited),
                    .innermost = innermost(procfs, process, thread)};
    });
    for (Read& one : found)
        if (one.attributes)
            add_thread(all, std::move(*one.attributes), one.innermost);
}

// Of all of its threads alike.
void read_common(const Procfs& procfs, pid_t pid, ProcessAttributes& attributes) {
    attributes.coredump_filter = number_read(procfs.read(pid, "coredump_filter"), 16);
    std::int64_t adjustment = 0;
    if (parse_number(trim(procfs.read(pid, "oom_score_adj").value_or("")), adjustment))
        attributes.oom_score_adj = static_cast<int>(adjustment);
    attributes.personality = number_read(procfs.read(pid, "personality"), 16).value_or(0);
    attributes.limits = limits_of(pid);
}

ProcessAttributes read_process(const Procfs& procfs, const TreeProcess& process, const CpuSet& unlimited) {
    const pid_t pid = process.pid();
    ProcessAttributes attributes{.pid = innermost_pid(process)};
    read_common(procfs, pid, attributes);
    if (process.stat.session == pid)
        attributes.autogroup_nice = autogroup_nice_of(procfs, pid);
    read_threads(procfs, process, unlimited, attributes.threads);
    attributes.locked_on_fault = locked_memory(procfs, pid).locked_on_fault;
    return attributes;
}

} // namespace

std::vector<ProcessAttributes> read_attributes(const Procfs& procfs, const ProcessTree& tree) {
    std::vector<const TreeProcess*> alive;
    for (const TreeProcess& process : tree.processes)
        if (!process.stat.is_zombie())
            alive.push_back(&process);
    if (alive.empty())
        return {};
    const CpuSet unlimited = unlimited_affinity(procfs, alive.front()->pid());
    std::vector<ProcessAttributes> all(alive.size());
    parallel(all.size(), threads_for(all.size(), k_least_processes_each),
             [&](std::size_t i, const std::stop_token&) { all[i] = read_process(procfs, *alive[i], unlimited); });
    return all;
}

void add_exclusive_terminals(std::vector<ProcessAttributes>& attributes, const TreeHoldings& tree) {
    std::set<std::string> own;
    for (const unsigned number : own_terminals(tree))
        own.insert(fmt::format("/dev/pts/{}", number));
    for (const Holdings& one : tree) {
        const auto process = std::ranges::find(attributes, innermost_pid(one.process), &ProcessAttributes::pid);
        for (const OpenFile& file : one.open) {
            // One descriptor of each.
            if (process == attributes.end() || file.is_place() || !own.contains(file.target))
                continue;
            int is_exclusive = 0;
            const UniqueFd terminal = copy_descriptor(one.process.handle.pidfd(), file.fd);
            if (!terminal || ::ioctl(terminal.get(), TIOCGEXCL, &is_exclusive) != 0)
                continue;
            own.erase(file.target);
            if (is_exclusive != 0)
                process->exclusive_terminals.push_back(file.fd);
        }
    }
}

void add_hung_up_masters(std::vector<ProcessAttributes>& attributes, const TreeHoldings& tree) {
    std::set<unsigned> known;
    for (const Holdings& one : tree) {
        const auto process = std::ranges::find(attributes, innermost_pid(one.process), &ProcessAttributes::pid);
        for (const OpenFile& file : one.open)
            if (process != attributes.end() && is_left_by_all(one.process, file) &&
                known.insert(*file.master_of).second)
                process->hung_up_masters.push_back(file.fd);
    }
}

ProcessAttributes inherited_attributes(const Procfs& procfs) {
    ProcessAttributes attributes{.pid = ::getpid()};
    read_common(procfs, attributes.pid, attributes);
    if (auto thread = read_thread(procfs, ::gettid(), widest_affinity()))
        add_thread(attributes.threads, std::move(*thread), attributes.pid);
    return attributes;
}

namespace {

// CRIU sets both or none, and does not look whether it could (criu/pie/restorer.c, restore_rlims).
bool may_be_set(const std::vector<std::uint64_t>& limits, const std::vector<std::uint64_t>& own) {
    if (limits.size() != own.size())
        return false;
    for (std::size_t hard = 1; hard < limits.size(); hard += 2)
        if (limits[hard] > own[hard])
            return false;
    return true;
}

} // namespace

// An affinity would be lost if CRIU moves the tree into a control group of its own (cpuset(7)). A new session begins
// with an autogroup whose nice value is 0 (sched(7)).
namespace {

// Files that more than one process of the tree has open.
std::set<FileId> files_in_common(const TreeHoldings& tree) {
    std::map<FileId, pid_t> opened_by;
    std::set<FileId> common;
    for (const Holdings& one : tree)
        for (const OpenFile& file : one.open)
            if (file.info &&
                opened_by.emplace(file_id(*file.info), one.process.pid()).first->second != one.process.pid())
                common.insert(file_id(*file.info));
    return common;
}

// Each once, however many descriptors of the process show it.
std::vector<PosixLock> posix_locks_of(const Holdings& one, const std::set<FileId>& files) {
    std::vector<PosixLock> found;
    std::set<std::tuple<FileId, std::uint64_t, std::uint64_t>> known;
    for (const OpenFile& file : one.open) {
        if (file.locks.empty() || !file.info || !files.contains(file_id(*file.info)))
            continue;
        for (const std::string& text : file.locks) {
            const auto lock = parse_held_lock(text);
            if (!lock || lock->kind != HeldLockKind::posix ||
                !known.emplace(file_id(*file.info), lock->first, lock->last).second)
                continue;
            const std::uint64_t length = lock->last == k_end_of_file ? 0 : lock->last - lock->first + 1;
            found.push_back({.fd = file.fd, .exclusive = lock->is_exclusive, .start = lock->first, .length = length});
        }
    }
    return found;
}

} // namespace

void add_posix_locks(std::vector<ProcessAttributes>& attributes, const TreeHoldings& tree) {
    const auto is_locked = [](const Holdings& one) {
        return std::ranges::any_of(one.open, [](const OpenFile& file) { return !file.locks.empty(); });
    };
    if (tree.size() < 2 || std::ranges::none_of(tree, is_locked))
        return;
    const std::set<FileId> common = files_in_common(tree);
    for (const Holdings& one : tree) {
        const auto process = std::ranges::find(attributes, innermost_pid(one.process), &ProcessAttributes::pid);
        // Those of who has its descriptors in common with its parent are the parent's.
        if (process != attributes.end() &&
            compare_common(one.process.pid(), one.process.stat.parent, Common::descriptors) != 0)
            process->posix_locks = posix_locks_of(one, common);
    }
}

bool comes_back_by_itself(const ProcessAttributes& wanted, const ProcessAttributes& inherited) {
    if (wanted.threads.empty() || inherited.threads.size() != 1)
        return false;
    const ThreadAttributes& own = inherited.threads.front();
    const bool threads_do = own.cpus.empty() && std::ranges::all_of(wanted.threads, [&](const ThreadAttributes& one) {
                                return settings_of(one) == settings_of(own);
                            });
    return threads_do && wanted.coredump_filter == inherited.coredump_filter &&
           wanted.oom_score_adj == inherited.oom_score_adj && wanted.autogroup_nice.value_or(0) == 0 &&
           wanted.personality == inherited.personality && may_be_set(wanted.limits, inherited.limits) &&
           wanted.exclusive_terminals.empty() && wanted.hung_up_masters.empty();
}

std::vector<std::string> put_attributes_back(const Procfs& procfs, const ProcessTree& tree,
                                             const std::vector<ProcessAttributes>& wanted) {
    std::map<pid_t, const TreeProcess*> here;
    for (const TreeProcess& process : tree.processes)
        here.emplace(innermost_pid(process), &process);
    Losses losses;
    for (const ProcessAttributes& attributes : wanted) {
        const auto process = here.find(attributes.pid);
        if (process == here.end() || process->second->stat.is_zombie())
            continue;
        put_process_back(procfs, losses, *process->second, attributes);
        put_threads_back(procfs, losses, *process->second, attributes);
    }
    return losses.sentences();
}

} // namespace cedana
