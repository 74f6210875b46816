// SPDX-License-Identifier: Apache-2.0
// The tests of the roles start them as cedana does, by starting themselves anew.
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/roles/role.hpp"

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <string>
#include <system_error>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace cedana::roles {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

// Tells what it found itself with: {"to": number of a pipe, "say": its plan's, also to its log}.
int report(const Json& plan) {
    Json found{{"say", plan.at("say")}, {"comm", read_file("/proc/self/comm")}, {"cwd", fs::current_path().string()}};
    for (const fs::path path : {"/proc/self/fd/0", "/proc/self/fd/1", "/proc/self/fd/2"})
        found["standard"].push_back(fs::read_symlink(path).string());
    std::error_code error;
    found["open"] = Json::array();
    for (const fs::path& path : entries_of("/proc/self/fd", error))
        // Not that by which the folder is read.
        if (const int number = std::stoi(path.filename().string()); number > 2 && ::fcntl(number, F_GETFD) >= 0)
            found["open"].push_back({number, ::fcntl(number, F_GETFD) == FD_CLOEXEC});
    int adopts = 0;
    ::prctl(PR_GET_CHILD_SUBREAPER, &adopts, 0UL, 0UL, 0UL);
    found["adopts"] = adopts != 0;
    for (const int number : {SIGHUP, SIGTERM}) {
        struct sigaction action {};
        ::sigaction(number, nullptr, &action);
        found["ignored"].push_back(action.sa_handler == SIG_IGN);
    }
    std::fprintf(stderr, "log of %s\n", plan.at("say").get<std::string>().c_str());
    write_all(plan.at("to").get<int>(), found.dump(), "a pipe");
    return 7;
}

int as_another(int argc, char** argv) { return std::printf("%d %s\n", argc, argv[1]) > 0 ? 5 : 1; }

Roles all_roles() {
    Roles all{.roles = own_roles(), .other_names = {{.name = "another", .run = as_another}}};
    all.roles.push_back({.name = "report", .ignored_signals = {SIGHUP}, .orphans = Orphans::adopted, .run = report});
    return all;
}

} // namespace
} // namespace cedana::roles

int main(int argc, char** argv) {
    try {
        if (const auto exit_code = cedana::roles::run_role(argc, argv, cedana::roles::all_roles()))
            return *exit_code;
    } catch (const cedana::Error& error) {
        std::fprintf(stderr, "%s\n", error.message().c_str());
        return static_cast<int>(error.fault());
    }
    ::testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
