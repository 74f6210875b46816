// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/refusal.hpp"

#include "cedana/base/text.hpp"

#include <optional>

#include <spdlog/fmt/fmt.h>

#include <linux/capability.h>

namespace cedana {

namespace {

std::optional<Refusal> refuse_traced(const Procfs& procfs, const TreeProcess& process) {
    const pid_t tracer = process.status.tracer;
    if (tracer == 0)
        return std::nullopt;
    const auto stat = procfs.stat(tracer);
    return Refusal{.pid = process.pid(),
                   .sentence =
                       fmt::format("{} is traced by {}, and only one tracer is possible", described(process.stat),
                                   stat ? described(*stat) : fmt::format("process {}", tracer)),
                   .hint = fmt::format("end the debugger or strace first: process {}", tracer)};
}

bool all_equal(const Credentials& ids, unsigned id) { return ids.real == id && ids.effective == id && ids.saved == id; }

// prlimit(2) on another process: the same real, effective and saved ids as the caller's real ones, or
// CAP_SYS_RESOURCE. CRIU: "Can't get rlimit 0: Operation not permitted".
std::optional<Refusal> refuse_foreign_limits(const ProcessStatus& own, const TreeProcess& process) {
    if (own.has_capability(CAP_SYS_RESOURCE) || process.stat.is_zombie())
        return std::nullopt;
    if (all_equal(process.status.uid, own.uid.real) && all_equal(process.status.gid, own.gid.real))
        return std::nullopt;
    return Refusal{.pid = process.pid(),
                   .fault = Fault::environment,
                   .sentence = fmt::format("{} runs as user {}, and without the capability CAP_SYS_RESOURCE CRIU "
                                           "cannot read the limits of other users' processes",
                                           described(process.stat), process.status.uid.effective),
                   .hint = "run cedana where root has CAP_SYS_RESOURCE (in a container: --cap-add SYS_RESOURCE)"};
}

} // namespace

std::string described(const ProcessStat& stat) {
    return fmt::format("process {} ({})", stat.pid, printable(stat.comm));
}

std::vector<Refusal> refused_processes(const Procfs& procfs, const ProcessTree& tree, pid_t self) {
    std::vector<Refusal> refusals;
    const auto own = procfs.status(self);
    for (const TreeProcess& process : tree.processes) {
        if (auto refusal = refuse_traced(procfs, process))
            refusals.push_back(std::move(*refusal));
        if (auto refusal = own ? refuse_foreign_limits(*own, process) : std::nullopt)
            refusals.push_back(std::move(*refusal));
    }
    return refusals;
}

} // namespace cedana
