// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/ending.hpp"

#include "cedana/base/text.hpp"
#include "cedana/process/procfs.hpp"

#include <array>
#include <cstdint>
#include <string>

#include <sys/ioctl.h>
#include <sys/wait.h>

namespace cedana {

namespace {

// struct pidfd_info of linux/pidfd.h, which is newer than the headers of many systems.
struct PidfdInfo {
    std::uint64_t mask = 0;
    std::uint64_t cgroup = 0;
    std::array<std::uint32_t, 11> ids{};
    std::int32_t exit_code = 0;
};
static_assert(sizeof(PidfdInfo) == 64);
constexpr unsigned long k_get_info = _IOWR(0xFF, 11, PidfdInfo);
constexpr std::uint64_t k_exit = 1U << 3U;

ExitStatus status_of(int status) {
    return WIFSIGNALED(status) ? ExitStatus::signalled(WTERMSIG(status)) : ExitStatus::exited(WEXITSTATUS(status));
}

// Linux 6.15 and later, of a process that its parent has collected (fs/pidfs.c).
std::optional<ExitStatus> told_by_pidfd(const ProcessHandle& process) {
    PidfdInfo info{.mask = k_exit};
    if (::ioctl(process.pidfd().get(), k_get_info, &info) == 0 && (info.mask & k_exit) != 0)
        return status_of(info.exit_code);
    return std::nullopt;
}

// The last field of a zombie's stat (proc(5)).
std::optional<ExitStatus> told_by_zombie(const Procfs& procfs, const ProcessHandle& process) {
    const auto stat = procfs.read(process.pid(), "stat");
    std::int64_t status = 0;
    if (!stat || !process.present() || !parse_number(split(trim(*stat), ' ').back(), status))
        return std::nullopt;
    return status_of(static_cast<int>(status));
}

} // namespace

std::optional<ExitStatus> how_it_ended(const Procfs& procfs, const ProcessHandle& process) {
    if (process.alive())
        return std::nullopt;
    if (const auto status = told_by_zombie(procfs, process))
        return status;
    // Asked last: one that was collected in the meantime tells it only here.
    return told_by_pidfd(process);
}

} // namespace cedana
