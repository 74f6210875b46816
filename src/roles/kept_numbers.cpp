// SPDX-License-Identifier: Apache-2.0
#include "cedana/roles/kept_numbers.hpp"

#include "cedana/base/error.hpp"
#include "cedana/roles/plans.hpp"
#include "cedana/roles/terminal.hpp"

#include <array>
#include <csignal>
#include <filesystem>
#include <map>
#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

namespace cedana::roles {

namespace {

constexpr const char* k_numbers = "numbers";
// A process that was killed ends by itself; nobody waits longer for it.
constexpr int k_end_limit_ms = 2000;
constexpr std::chrono::milliseconds k_try_again{20};

// The kernel tells of every terminal that goes (fs/devpts/inode.c, devpts_pty_kill).
UniqueFd watch_terminals() {
    UniqueFd events(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!events || ::inotify_add_watch(events.get(), "/dev/pts", IN_DELETE) < 0)
        throw OsFailure(Fault::environment).error("cannot watch /dev/pts");
    return events;
}

void forget(const UniqueFd& events) {
    std::array<char, 4096> buffer;
    while (::read(events.get(), buffer.data(), buffer.size()) > 0) {}
}

// A terminal of which a process still has the slave open has no name any more, and still its number
// (drivers/tty/pty.c, pty_close, pty_unix98_remove): nothing tells when that is free.
enum class Took { all_that_are_free, not_yet };

Took take_free(const std::vector<unsigned>& numbers, std::map<unsigned, UniqueFd>& held) {
    Took took = Took::all_that_are_free;
    for (const unsigned number : numbers) {
        std::error_code ignored;
        if (held.contains(number) || std::filesystem::exists(fmt::format("/dev/pts/{}", number), ignored))
            continue;
        if (UniqueFd master = open_master_of(number))
            held.emplace(number, std::move(master));
        else
            took = Took::not_yet;
    }
    return took;
}

int run_numbers(const nlohmann::json& json) {
    using Clock = std::chrono::steady_clock;
    const auto plan = json.get<NumbersPlan>();
    const UniqueFd events = watch_terminals();
    std::map<unsigned, UniqueFd> held;
    const auto end = Clock::now() + k_kept_for;
    for (auto now = Clock::now(); now < end; now = Clock::now()) {
        forget(events);
        const bool waits = take_free(plan.numbers, held) == Took::all_that_are_free;
        pollfd entry{.fd = waits ? events.get() : -1, .events = POLLIN, .revents = 0};
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - now);
        ::poll(&entry, 1, static_cast<int>((waits ? left : k_try_again).count()));
    }
    return 0;
}

bool is_keeper(const Procfs& procfs, pid_t pid) {
    const auto stat = procfs.stat(pid);
    if (!stat || stat->is_zombie() || stat->comm != process_name(k_numbers))
        return false;
    // Anybody can call a process so.
    const auto status = procfs.status(pid);
    return status && status->uid.real == 0 && status->uid.effective == 0;
}

} // namespace

void keep_numbers(const std::vector<unsigned>& numbers) {
    SpawnRequest request{.argv = {}, .session = Session::own};
    start_role(k_numbers, NumbersPlan{.numbers = numbers}, std::move(request)).detach();
}

std::set<pid_t> keepers_of_numbers(const Procfs& procfs) {
    std::set<pid_t> keepers;
    for (const pid_t pid : procfs.pids())
        if (is_keeper(procfs, pid))
            keepers.insert(pid);
    return keepers;
}

void free_kept_numbers(const Procfs& procfs) {
    for (const pid_t pid : keepers_of_numbers(procfs)) {
        const auto pidfd = open_pidfd(pid);
        if (!pidfd || !is_keeper(procfs, pid))
            continue;
        send_signal(*pidfd, SIGKILL);
        pollfd entry{.fd = pidfd->get(), .events = POLLIN, .revents = 0};
        ::poll(&entry, 1, k_end_limit_ms);
    }
}

// Neither the end of the terminal nor its keys are meant for it.
Role numbers() {
    return {
        .name = k_numbers, .ignored_signals = {SIGHUP, SIGINT, SIGQUIT}, .orphans = Orphans::left, .run = run_numbers};
}

} // namespace cedana::roles
