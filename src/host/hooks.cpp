// SPDX-License-Identifier: Apache-2.0
#include "cedana/host/hooks.hpp"

#include "cedana/base/child_process.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/signal_words.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <functional>
#include <system_error>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include <poll.h>
#include <unistd.h>

namespace cedana {

namespace {

using Clock = std::chrono::steady_clock;

constexpr auto k_grace = std::chrono::seconds(2);

const char* name_of(HookStage stage) {
    switch (stage) {
    case HookStage::pre_dump:
        return "pre_dump";
    case HookStage::post_dump:
        return "post_dump";
    case HookStage::pre_restore:
        return "pre_restore";
    case HookStage::post_restore:
        break;
    }
    return "post_restore";
}

ChildProcess start(const Hook& hook, const HookSubject& subject) try {
    return ChildProcess::spawn(
        {.argv = {hook.program},
         .fds = {{2, 1}, {2, 2}},
         .env = std::vector<std::string>{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C",
                                         "HOME=/root", fmt::format("CEDANA_PID={}", subject.pid),
                                         fmt::format("CEDANA_CHECKPOINT={}", subject.checkpoint.string()),
                                         fmt::format("CEDANA_STAGE={}", name_of(hook.stage))},
         .session = Session::own,
         .descriptor_limit = DescriptorLimit::as_started});
} catch (const Error& error) {
    throw Error(Fault::usage, fmt::format("{} cannot be run: {}", hook.text(), error.message()));
}

enum class Wake { ended, interrupted, limit };

// What comes first. The child is not reaped, and the signal is not taken.
Wake wait_for(const ChildProcess& child, const Interrupt& interrupt, std::chrono::milliseconds limit) {
    const auto deadline = Clock::now() + limit;
    while (true) {
        std::array<pollfd, 2> set = {{{child.pidfd().get(), POLLIN, 0}, {interrupt.fd(), POLLIN, 0}}};
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
        const int ready = ::poll(set.data(), set.size(), static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
        if (ready < 0) {
            const int err = errno;
            if (err == EINTR)
                continue;
            throw os_error(err, "cannot wait for a hook");
        }
        if (set[0].revents != 0)
            return Wake::ended;
        if (set[1].revents != 0)
            return Wake::interrupted;
        if (ready == 0)
            return Wake::limit;
    }
}

// As the leader of its session it gives its pid to its process group, which nobody else gets before it is reaped.
void end(ChildProcess& child, const Interrupt& interrupt) {
    ::kill(-child.pid(), SIGTERM);
    if (wait_for(child, interrupt, k_grace) == Wake::interrupted)
        static_cast<void>(interrupt.take());
    ::kill(-child.pid(), SIGKILL);
    child.wait();
}

void require_runnable(const Hook& hook) {
    if (hook.program.empty())
        return;
    if (!std::filesystem::path(hook.program).is_absolute())
        throw Error(Fault::usage, fmt::format("{} is not an absolute path", hook.text()));
    std::error_code ignored;
    const bool is_folder = std::filesystem::is_directory(hook.program, ignored);
    if (!is_folder && ::access(hook.program.c_str(), X_OK) == 0)
        return;
    const int err = is_folder ? EACCES : errno;
    throw Error(Fault::usage, fmt::format("{} cannot be run: {}", hook.text(), errno_text(err)))
        .hint("make it an executable file, or take it out of the configuration");
}

// `on_interrupt` ends the child; the signal was not taken.
void run(const Hook& hook, const HookSubject& subject, const Interrupt& interrupt,
         const std::function<void(ChildProcess&)>& on_interrupt) {
    if (hook.program.empty())
        return;
    require_runnable(hook);
    ChildProcess child = start(hook, subject);
    switch (wait_for(child, interrupt, hook.limit)) {
    case Wake::ended:
        if (const ExitStatus status = child.wait(); !status.success())
            throw Error(Fault::usage, fmt::format("{} {}", hook.text(), status.text()))
                .hint("make it exit with status 0, or take it out of the configuration");
        break;
    case Wake::interrupted:
        on_interrupt(child);
        break;
    case Wake::limit:
        end(child, interrupt);
        throw Error(Fault::usage, fmt::format("{} did not end within {} s", hook.text(),
                                              std::chrono::duration<double>(hook.limit).count()))
            .hint("make it quicker, or raise action_scripts.timeout");
    }
}

} // namespace

std::string Hook::text() const { return fmt::format("action_scripts.{} ({})", name_of(stage), program); }

Hook hook_for(HookStage stage, const Config& config) {
    const auto program = [&]() -> const std::string& {
        switch (stage) {
        case HookStage::pre_dump:
            return config.action_scripts_pre_dump;
        case HookStage::post_dump:
            return config.action_scripts_post_dump;
        case HookStage::pre_restore:
            return config.action_scripts_pre_restore;
        case HookStage::post_restore:
            break;
        }
        return config.action_scripts_post_restore;
    };
    return {.stage = stage, .program = program(), .limit = config.action_scripts_timeout};
}

void require_hooks(const Config& config, std::initializer_list<HookStage> stages) {
    for (const HookStage stage : stages)
        require_runnable(hook_for(stage, config));
}

void run_hook(const Hook& hook, const HookSubject& subject, const Interrupt& interrupt) {
    run(hook, subject, interrupt, [&](ChildProcess& child) {
        const int number = interrupt.take();
        end(child, interrupt);
        throw Error(Fault::interrupted, fmt::format("interrupted by {} while {} ran", known_as(number), hook.text()));
    });
}

HookEnd run_hook_beside(const Hook& hook, const HookSubject& subject, const Interrupt& interrupt) {
    HookEnd how = HookEnd::done;
    run(hook, subject, interrupt, [&](ChildProcess& child) {
        end(child, Interrupt::none());
        how = HookEnd::interrupted;
    });
    return how;
}

} // namespace cedana
