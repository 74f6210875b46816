// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/environment.hpp"

#include "cedana/base/child_process.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/system_path.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/criu/diagnose.hpp"
#include "cedana/model/caller.hpp"

#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <ctime>
#include <string_view>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cedana::criu {

namespace {

constexpr int k_oldest_major = 4;
constexpr auto k_answer_limit = std::chrono::seconds(30);
std::string install_hint() {
    return fmt::format("{}, or set criu.path to a CRIU of version 4.0 or later", k_install_criu);
}

// What tells a file from each other that it ever was or that has its name: "DEVICE:INODE:SIZE:CHANGED:MODIFIED PATH".
// Absent of one that must not be known by it. The kernel's clock of files goes by ticks, so that one which has just
// been changed may change again unseen.
std::optional<std::string> identity_of(const std::string& program) {
    constexpr std::time_t k_settled = 2;
    constexpr std::string_view k_machine_code = "\177ELF";
    struct ::stat info {};
    std::array<char, k_machine_code.size()> head{};
    const UniqueFd file(::open(program.c_str(), O_RDONLY | O_CLOEXEC | O_NOATIME));
    if (!file || ::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode) ||
        ::pread(file.get(), head.data(), head.size(), 0) != static_cast<ssize_t>(head.size()) ||
        std::string_view(head.data(), head.size()) != k_machine_code || info.st_ctime > ::time(nullptr) - k_settled)
        return std::nullopt;
    return fmt::format("{}:{}:{}:{}.{:09}:{}.{:09} {}", info.st_dev, info.st_ino, info.st_size, info.st_ctim.tv_sec,
                       info.st_ctim.tv_nsec, info.st_mtim.tv_sec, info.st_mtim.tv_nsec, program);
}

// The version that was noted of the program with this identity: two lines, which it and the identity are.
std::optional<std::string> noted_version(const std::filesystem::path& notes, const std::string& identity) {
    constexpr std::size_t k_longest = 8192;
    try {
        const std::vector<std::string> lines = split(read_file(notes, k_longest), '\n');
        if (lines.size() >= 2 && lines[1] == identity && !lines[0].empty())
            return lines[0];
    } catch (const Error&) {
        // It is noted when the program has answered.
    }
    return std::nullopt;
}

// Whole or not at all, and nothing is left of one that is killed.
void note_version(const std::filesystem::path& notes, const std::string& version, const std::string& identity) {
    const UniqueFd file(::open(notes.parent_path().c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
    if (!file)
        return spdlog::debug("the version of criu is not noted: {}", errno_text(errno));
    write_all(file.get(), fmt::format("{}\n{}\n", version, identity), notes);
    static_cast<void>(::unlink(notes.c_str()));
    // Another one may have done the same by now.
    if (::linkat(AT_FDCWD, fmt::format("/proc/self/fd/{}", file.get()).c_str(), AT_FDCWD, notes.c_str(),
                 AT_SYMLINK_FOLLOW) != 0)
        spdlog::debug("the version of criu is not noted: {}", errno_text(errno));
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

std::string require_version(const std::string& program, const std::filesystem::path& notes) {
    const auto identity = identity_of(program);
    if (identity)
        if (auto version = noted_version(notes, *identity))
            return std::move(*version);
    std::string version = require_version(program);
    if (identity && identity_of(program) == identity)
        note_version(notes, version, *identity);
    return version;
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
