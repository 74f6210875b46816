// SPDX-License-Identifier: Apache-2.0
#include "cedana/roles/role.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/criu/environment.hpp"
#include "cedana/model/caller.hpp"

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <limits>
#include <span>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace cedana::roles {

namespace {

using Json = nlohmann::json;

constexpr int k_seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
constexpr std::size_t k_longest_plan = 16UL * 1024 * 1024;

UniqueFd sealed(const Json& plan) {
    UniqueFd file(::memfd_create("cedana-plan", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!file)
        throw OsFailure(Fault::environment).error("cannot make a plan for a role");
    const std::vector<std::uint8_t> bytes = Json::to_cbor(plan);
    write_all(file.get(), std::as_bytes(std::span(bytes)), "a plan for a role");
    if (::fcntl(file.get(), F_ADD_SEALS, k_seals) != 0)
        throw OsFailure(Fault::environment).error("cannot seal a plan for a role");
    return file;
}

[[noreturn]] void refuse(const std::string& why) {
    throw Error(Fault::usage, why).hint("roles are for cedana itself: leave --role out");
}

// The role's own part of it. `passed`: the numbers of the descriptors that come with it.
Json read_plan(const std::string& role, std::vector<int>& passed) {
    struct ::stat info {};
    if (::fstat(k_plan, &info) != 0)
        refuse(fmt::format("there is no plan for the role {} at descriptor {}", role, k_plan));
    // Of what cannot be sealed: an error, or less than all.
    if (const int seals = ::fcntl(k_plan, F_GET_SEALS); seals < 0 || (seals & k_seals) != k_seals)
        refuse(fmt::format("descriptor {} is no sealed plan for the role {}", k_plan, role));
    if (info.st_uid != ::geteuid())
        refuse(fmt::format("the plan for the role {} was made by user {}", role, info.st_uid));
    const UniqueFd file(k_plan);
    ::lseek(file.get(), 0, SEEK_SET);
    try {
        const Json all = Json::from_cbor(read_all(file.get(), "a plan for a role", k_longest_plan));
        if (all.at("role").get<std::string>() != role)
            refuse(fmt::format("the plan is for another role than {}", role));
        passed = all.at("passed").get<std::vector<int>>();
        return all.at("plan");
    } catch (const Json::exception& error) {
        refuse(fmt::format("the plan for the role {} cannot be read: {}", role, error.what()));
    }
}

void close_from_to(int first, int last) {
    if (first <= last)
        ::syscall(SYS_close_range, static_cast<unsigned>(first), static_cast<unsigned>(last), 0U);
}

// Keeps these alone, none of which another program is to have.
void keep_only(std::vector<int> passed) {
    std::ranges::sort(passed);
    int next = STDERR_FILENO + 1;
    for (const int number : passed) {
        if (number <= STDERR_FILENO)
            continue;
        if (::fcntl(number, F_SETFD, FD_CLOEXEC) != 0)
            refuse(fmt::format("descriptor {} of the plan is not open", number));
        close_from_to(next, number - 1);
        next = number + 1;
    }
    close_from_to(next, std::numeric_limits<int>::max());
    const UniqueFd null = open_file("/dev/null", O_RDWR);
    for (const int number : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        if (std::ranges::count(passed, number) == 0)
            ::dup2(null.get(), number);
}

void take_role(const Role& role, const std::vector<int>& passed) {
    ::prctl(PR_SET_NAME, process_name(role.name).c_str());
    for (const int number : role.ignored_signals)
        std::signal(number, SIG_IGN);
    keep_only(passed);
    if (role.orphans == Orphans::adopted && ::prctl(PR_SET_CHILD_SUBREAPER, 1UL, 0UL, 0UL, 0UL) != 0)
        throw OsFailure(Fault::environment).error("cannot become a subreaper");
    if (::chdir("/") != 0)
        throw OsFailure(Fault::environment).error("cannot leave the folder");
}

int play(const Role& role) {
    std::vector<int> passed;
    const Json plan = read_plan(role.name, passed);
    try {
        take_role(role, passed);
        return role.run(plan);
    } catch (const Json::exception& error) {
        refuse(fmt::format("the plan for the role {} cannot be read: {}", role.name, error.what()));
    } catch (const Error& error) {
        if (error.fault() == Fault::usage)
            throw;
        std::fprintf(stderr, "Error: %s\n", error.message().c_str());
    } catch (const std::exception& error) {
        std::fprintf(stderr, "Error: %s\n", error.what());
    }
    return k_role_failed;
}

} // namespace

int pass(SpawnRequest& request, int fd) {
    if (fd < 0)
        return -1;
    int number = k_plan + 1;
    for (const auto& [ours, taken] : request.fds)
        number = std::max(number, taken + 1);
    request.fds.emplace_back(fd, number);
    return number;
}

RoleCommand role_command(const std::string& role, const Json& plan, SpawnRequest request) {
    std::vector<int> passed;
    for (const auto& [fd, number] : request.fds)
        passed.push_back(number);
    UniqueFd file = sealed({{"role", role}, {"passed", passed}, {"plan", plan}});
    request.argv = {"/proc/self/exe", k_role, role};
    std::erase_if(request.fds, [](const auto& one) { return one.first < 0; });
    request.cwd.assign(1, '/');
    request.fds.emplace_back(file.get(), k_plan);
    if (!request.env)
        request.env = criu::clean_environment();
    return {.request = std::move(request), .plan = std::move(file)};
}

ChildProcess start_role(const std::string& role, const Json& plan, SpawnRequest request) {
    RoleCommand command = role_command(role, plan, std::move(request));
    return ChildProcess::spawn(std::move(command.request));
}

std::optional<int> run_role(int argc, char** argv, const Roles& roles) {
    const std::string called = argc > 0 ? std::filesystem::path(argv[0]).filename().string() : std::string();
    for (const OtherName& other : roles.other_names)
        if (called == other.name)
            return other.run(argc, argv);
    if (argc < 2 || std::string_view(argv[1]) != k_role)
        return std::nullopt;
    if (argc != 3)
        refuse("--role takes the name of a role, and nothing else is given");
    if (is_started_by_sudo())
        refuse("no role can be taken by sudo");
    const std::string name = argv[2];
    for (const Role& role : roles.roles)
        if (name == role.name)
            return play(role);
    refuse(fmt::format("there is no role {}", printable(name)));
}

void close_log() { ::dup2(open_file("/dev/null", O_RDWR).get(), STDERR_FILENO); }

std::string process_name(const std::string& role) { return "cedana-" + role; }

} // namespace cedana::roles
