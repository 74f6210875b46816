// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/unit_check.hpp"

#include "cedana/action/dump_plan.hpp"
#include "cedana/action/unit_return.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"
#include "cedana/host/unit_process.hpp"

#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

Requirement line(std::string name, Standing standing, std::string found, std::string remedy = {}) {
    return {.name = std::move(name), .standing = standing, .found = std::move(found), .remedy = std::move(remedy)};
}

Requirement unit_line(const SystemdUnit& named, const UnitProcess& running, const DumpPlan& plan) {
    return line("unit", Standing::good,
                fmt::format("{}: process {} ({}), {} of memory in {} process{}{}", running.unit.name,
                            running.state.main_pid, plan.name, human_bytes(plan.bytes_images), plan.tree.size(),
                            plan.tree.size() == 1 ? "" : "es",
                            running.unit == named ? "" : fmt::format("; {} stands for it", named.name)));
}

Requirement refusal_line(const Error& refusal) {
    return line("dump", Standing::bad,
                refusal.cause().empty() ? refusal.message() : fmt::format("{}; {}", refusal.message(), refusal.cause()),
                refusal.hint());
}

// The next start of it.
Requirement return_line(const SystemdUnit& unit) {
    try {
        static_cast<void>(unit_drop_in({.unit = unit}));
        return line("restore", Standing::good,
                    fmt::format("cedana unit {0}, then systemctl start {0}", shell_word(unit.name)));
    } catch (const Error& error) {
        return line("restore", Standing::doubtful, error.message(), error.hint());
    }
}

} // namespace

std::vector<Requirement> check_unit(const std::string& name, const LoadedConfig& config, const Interrupt& interrupt) {
    const SystemdUnit named = service_named(name);
    const UnitProcess running = running_unit(named);
    DumpRequest request{.pid = running.state.main_pid, .name = {}, .folder = {}, .config = config.values};
    request.config.client_leave_running = true;
    request.caller = config.caller;
    const DumpPlan plan = plan_dump(request, interrupt);
    std::vector<Requirement> found = {unit_line(named, running, plan)};
    for (const Error& refusal : plan.refusals)
        found.push_back(refusal_line(refusal));
    if (plan.refusals.empty())
        found.push_back(line("dump", Standing::good, "nothing stands against it"));
    found.push_back(return_line(running.unit));
    return found;
}

} // namespace cedana
