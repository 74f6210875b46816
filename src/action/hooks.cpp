// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/hooks.hpp"

#include "cedana/base/child_process.hpp"
#include "cedana/base/error.hpp"

#include <spdlog/fmt/fmt.h>

namespace cedana {

void run_hook(const Hook& hook) {
    if (hook.program.empty())
        return;
    const std::string what = fmt::format("action_scripts.{} ({})", hook.stage, hook.program);
    if (!std::filesystem::path(hook.program).is_absolute())
        throw Error(Fault::usage, fmt::format("{} is not an absolute path", what));
    try {
        ChildProcess child = ChildProcess::spawn(
            {.argv = {hook.program},
             .fds = {{2, 1}, {2, 2}},
             .env = std::vector<std::string>{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                                             "LANG=C", "HOME=/root", fmt::format("CEDANA_PID={}", hook.pid),
                                             fmt::format("CEDANA_CHECKPOINT={}", hook.checkpoint.string()),
                                             fmt::format("CEDANA_STAGE={}", hook.stage)},
             .descriptor_limit = DescriptorLimit::as_started});
        const ExitStatus status = child.wait();
        if (!status.success())
            throw Error(Fault::usage, fmt::format("{} {}", what, status.text()))
                .hint("make it exit with status 0, or take it out of the configuration");
    } catch (Error& error) {
        if (error.fault() == Fault::environment)
            throw Error(Fault::usage, fmt::format("{} cannot be run: {}", what, error.message()));
        throw;
    }
}

} // namespace cedana
