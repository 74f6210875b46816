// SPDX-License-Identifier: Apache-2.0
#include "cedana/job/program.hpp"

#include "cedana/base/core_dumps.hpp"
#include "cedana/base/descriptor_limit.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"
#include "cedana/process/command_words.hpp"
#include "cedana/process/procfs.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <iterator>
#include <string_view>

#include <spdlog/fmt/fmt.h>

#include <linux/capability.h>
#include <sys/resource.h>
#include <unistd.h>

namespace cedana::job {

namespace {

// CRIU: "Can't get rlimit 0: Operation not permitted".
void require_dumpable_user(const Caller& caller) {
    const auto own = Procfs().status(::getpid());
    if (caller.is_root() || !own || own->has_capability(CAP_SYS_RESOURCE))
        return;
    throw Error(Fault::environment,
                fmt::format("a job of user {} could not be checkpointed here: root lacks the capability "
                            "CAP_SYS_RESOURCE, without which CRIU dumps processes of root alone",
                            printable(caller.name)))
        .hint("run it where root has CAP_SYS_RESOURCE (in a container: --cap-add SYS_RESOURCE)");
}

std::vector<gid_t> own_groups() {
    std::vector<gid_t> groups(static_cast<std::size_t>(std::max(::getgroups(0, nullptr), 0)));
    groups.resize(static_cast<std::size_t>(std::max(::getgroups(static_cast<int>(groups.size()), groups.data()), 0)));
    return groups;
}

std::vector<std::string> environment_for(const Caller& caller, bool is_behind_sudo) {
    std::vector<std::string> env;
    constexpr std::array<std::string_view, 5> k_of_user = {"HOME=", "USER=", "LOGNAME=", "MAIL=", "SUDO_"};
    for (char** variable = environ; *variable != nullptr; ++variable) {
        const std::string_view text = *variable;
        const bool is_users = std::ranges::any_of(k_of_user, [&](auto start) { return text.starts_with(start); });
        if (text.starts_with("NOTIFY_SOCKET="))
            continue;
        if (!is_behind_sudo || !is_users)
            env.emplace_back(text);
    }
    if (is_behind_sudo)
        std::ranges::copy(caller.login_variables(), std::back_inserter(env));
    // Neither an io_uring nor an MPTCP socket can be dumped; these are how programs that need none are told.
    for (const std::string_view variable : {"UV_USE_IO_URING=0", "GODEBUG=multipathtcp=0"}) {
        const std::string_view name = variable.substr(0, variable.find('=') + 1);
        if (std::ranges::none_of(env, [&](const std::string& one) { return one.starts_with(name); }))
            env.emplace_back(variable);
    }
    return env;
}

std::uint64_t own_file_size_limit() {
    rlimit limit{};
    ::getrlimit(RLIMIT_FSIZE, &limit);
    return limit.rlim_cur;
}

} // namespace

Program program_for(const Caller& caller, const std::vector<std::string>& argv) {
    require_dumpable_user(caller);
    const bool is_behind_sudo = acts_as_root_for(caller);
    return {.name = script_name(argv).value_or(std::string(base_name(argv.front()))),
            .argv = argv,
            .cwd = std::filesystem::current_path().string(),
            .env = environment_for(caller, is_behind_sudo),
            .uid = is_behind_sudo ? caller.uid : ::getuid(),
            .gid = is_behind_sudo ? caller.gid : ::getgid(),
            .groups = is_behind_sudo ? groups_of(caller) : own_groups(),
            .limits = {.descriptors = descriptor_limit_at_start(),
                       .core = core_limit_at_start(),
                       .file_size = own_file_size_limit()}};
}

} // namespace cedana::job
