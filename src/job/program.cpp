// SPDX-License-Identifier: Apache-2.0
#include "cedana/job/program.hpp"

#include "cedana/base/core_dumps.hpp"
#include "cedana/base/descriptor_limit.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"
#include "cedana/model/callers_place.hpp"
#include "cedana/process/command_words.hpp"
#include "cedana/process/procfs.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <linux/capability.h>
#include <sys/resource.h>
#include <unistd.h>

namespace cedana::job {

namespace {

std::vector<gid_t> own_groups() {
    std::vector<gid_t> groups(static_cast<std::size_t>(std::max(::getgroups(0, nullptr), 0)));
    groups.resize(static_cast<std::size_t>(std::max(::getgroups(static_cast<int>(groups.size()), groups.data()), 0)));
    return groups;
}

// `is_another`: than this process is started for.
std::vector<std::string> environment_for(const Caller& user, bool is_another) {
    std::vector<std::string> env;
    constexpr std::array<std::string_view, 5> k_of_user = {"HOME=", "USER=", "LOGNAME=", "MAIL=", "SUDO_"};
    for (char** variable = environ; *variable != nullptr; ++variable) {
        const std::string_view text = *variable;
        const bool is_users = std::ranges::any_of(k_of_user, [&](auto start) { return text.starts_with(start); });
        // What systemd tells its own child (sd_notify(3), sd_watchdog_enabled(3)).
        if (text.starts_with("NOTIFY_SOCKET=") || text.starts_with("WATCHDOG_"))
            continue;
        if (!is_another || !is_users)
            env.emplace_back(text);
    }
    if (is_another)
        std::ranges::copy(user.login_variables(), std::back_inserter(env));
    return env;
}

bool has_variable(const std::vector<std::string>& env, std::string_view variable) {
    const std::string_view name = variable.substr(0, variable.find('=') + 1);
    return std::ranges::any_of(env, [&](const std::string& one) { return one.starts_with(name); });
}

void set_variables(std::vector<std::string>& env, const std::vector<std::string>& given) {
    for (const std::string& variable : given) {
        const std::size_t name = variable.find('=');
        if (name == 0 || name == std::string::npos)
            throw Error(Fault::usage, fmt::format("--env {} sets no variable", printable(variable)))
                .hint("give it as NAME=VALUE");
        std::erase_if(env, [&](const std::string& one) { return one.starts_with(variable.substr(0, name + 1)); });
        env.push_back(variable);
    }
    // Neither an io_uring nor an MPTCP socket can be dumped; these are how programs that need none are told.
    for (const char* variable : {"UV_USE_IO_URING=0", "GODEBUG=multipathtcp=0"})
        if (!has_variable(env, variable))
            env.emplace_back(variable);
}

// Whom it runs as, where that is another than this process is.
std::optional<Caller> other_user(const Caller& caller, const std::string& named) {
    if (named.empty())
        return acts_as_root_for(caller) ? std::optional(caller) : std::nullopt;
    auto user = caller_named(named);
    if (!user)
        throw Error(Fault::usage, fmt::format("there is no user {}", printable(named)));
    if (user->uid != caller.uid && !may_become_root(caller))
        throw Error(Fault::permission,
                    fmt::format("user {} may not run jobs as user {}", printable(caller.name), printable(named)))
            .hint("leave --user out: the job runs as who starts it");
    return user->uid == ::getuid() ? std::nullopt : user;
}

std::uint64_t own_file_size_limit() {
    rlimit limit{};
    ::getrlimit(RLIMIT_FSIZE, &limit);
    return limit.rlim_cur;
}

} // namespace

// CRIU: "Can't get rlimit 0: Operation not permitted".
void require_dumpable_user(uid_t uid, const std::string& name) {
    const auto own = Procfs().status(::getpid());
    if (uid == 0 || !own || own->has_capability(CAP_SYS_RESOURCE))
        return;
    throw Error(Fault::environment,
                fmt::format("a job of user {} could not be checkpointed here: root lacks the capability "
                            "CAP_SYS_RESOURCE, without which CRIU dumps processes of root alone",
                            printable(name)))
        .hint("run it where root has CAP_SYS_RESOURCE (in a container: --cap-add SYS_RESOURCE)");
}

std::vector<std::string> environment_of(const Caller& caller) {
    return environment_for(caller, acts_as_root_for(caller));
}

Program program_for(const Caller& caller, const ProgramWish& wish) {
    const auto other = other_user(caller, wish.user);
    if (other)
        require_dumpable_user(other->uid, other->name);
    std::vector<std::string> env = environment_for(other.value_or(caller), other.has_value());
    set_variables(env, wish.env);
    return {.name = script_name(wish.argv).value_or(std::string(base_name(wish.argv.front()))),
            .argv = wish.argv,
            .cwd = std::filesystem::current_path().string(),
            .env = std::move(env),
            .uid = other ? other->uid : ::getuid(),
            .gid = other ? other->gid : ::getgid(),
            .groups = other ? groups_of(*other) : own_groups(),
            .limits = {.descriptors = descriptor_limit_at_start(),
                       .core = core_limit_at_start(),
                       .file_size = own_file_size_limit()}};
}

} // namespace cedana::job
