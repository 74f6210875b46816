// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/environment.hpp"

#include "cedana/base/child_process.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/system_path.hpp"
#include "cedana/base/text.hpp"
#include "cedana/criu/diagnose.hpp"
#include "cedana/model/caller.hpp"

#include <charconv>
#include <chrono>
#include <cstdlib>

#include <spdlog/fmt/fmt.h>

#include <unistd.h>

namespace cedana::criu {

namespace {

constexpr int k_oldest_major = 4;
constexpr auto k_answer_limit = std::chrono::seconds(30);
std::string install_hint() {
    return fmt::format("{}, or set criu.path to a CRIU of version 4.0 or later", k_install_criu);
}

} // namespace

std::vector<std::string> clean_environment(std::vector<std::string> more) {
    std::vector<std::string> environment = {std::string("PATH=") + k_system_path, "HOME=/root", "LANG=C"};
    // A fault on purpose may cost the tree its life; that is no right which comes with a dump.
    if (const char* fault = std::getenv("CRIU_FAULT"); fault != nullptr && !is_started_by_sudo())
        environment.push_back(std::string("CRIU_FAULT=") + fault);
    environment.insert(environment.end(), more.begin(), more.end());
    return environment;
}

std::string find_program(const std::string& configured) {
    if (auto found = find_in_system_path(configured))
        return std::move(*found);
    if (configured.find('/') != std::string::npos)
        throw Error(Fault::environment, fmt::format("criu.path is {}, which cannot be executed", configured))
            .hint(install_hint());
    throw Error(Fault::environment, fmt::format("{} is not installed (looked in {})", configured, k_system_path))
        .hint(install_hint());
}

std::optional<std::string> parse_version(const std::string& output) {
    for (const std::string& line : split(output, '\n'))
        if (line.starts_with("Version: "))
            return std::string(trim(std::string_view(line).substr(9)));
    return std::nullopt;
}

std::string require_version(const std::string& program) {
    const Captured answer = run_captured({.argv = {program, "--version"}, .env = clean_environment()}, k_answer_limit);
    const auto version = answer.status.success() ? parse_version(answer.out) : std::nullopt;
    if (!version)
        throw Error(Fault::environment,
                    fmt::format("{} --version does not answer as CRIU does: it {}", program, answer.status.text()))
            .hint(install_hint());
    int major = 0;
    std::from_chars(version->data(), version->data() + version->size(), major);
    if (major < k_oldest_major)
        throw Error(Fault::environment,
                    fmt::format("{} is version {}, and {}.0 is needed", program, *version, k_oldest_major))
            .hint(install_hint());
    return *version;
}

std::string usable_network_lock(const std::string& program) {
    const Captured answer = run_captured(
        {.argv = {program, "check", "--feature", "network_lock_nftables"}, .env = clean_environment()}, k_answer_limit);
    return answer.status.success() ? k_nftables : "";
}

std::optional<std::string> failed_check(const std::string& program) {
    const Captured answer = run_captured({.argv = {program, "check"}, .env = clean_environment()}, k_answer_limit);
    if (answer.status.success())
        return std::nullopt;
    const auto lines = telling_lines(answer.err + answer.out);
    return lines.empty() ? "criu check " + answer.status.text() : lines.front();
}

} // namespace cedana::criu
