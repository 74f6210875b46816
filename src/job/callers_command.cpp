// SPDX-License-Identifier: Apache-2.0
#include "cedana/job/callers_command.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"
#include "cedana/job/program.hpp"

#include <cstdint>
#include <filesystem>
#include <system_error>

#include <spdlog/fmt/fmt.h>

namespace cedana::job {

namespace fs = std::filesystem;

namespace {

std::string own_program_or(const std::string& name) {
    std::error_code error;
    const fs::path self = fs::read_symlink("/proc/self/exe", error);
    const fs::path own = self.parent_path().parent_path() / "libexec" / "cedana" / name;
    return name.find('/') == std::string::npos && fs::exists(own, error) ? own.string() : name;
}

} // namespace

SpawnRequest callers_command(const Caller& caller, const std::string& command, std::string_view option,
                             const std::vector<std::string>& more) {
    std::vector<std::string> words = split(command, ' ');
    std::erase(words, "");
    if (words.empty())
        throw Error(Fault::usage, fmt::format("there is no command behind {}", option));
    words.front() = own_program_or(words.front());
    SpawnRequest request{.argv = std::move(words),
                         .env = environment_of(caller),
                         .session = Session::own,
                         .descriptor_limit = DescriptorLimit::as_started};
    request.env->insert(request.env->end(), more.begin(), more.end());
    if (acts_as_root_for(caller)) {
        request.user = {caller.uid, caller.gid};
        request.groups = groups_of(caller);
    }
    return request;
}

std::optional<std::chrono::milliseconds> time_left_in(std::string_view said) {
    constexpr std::int64_t k_most_seconds = 1'000'000;
    const std::string_view text = trim(said);
    std::int64_t seconds = 0;
    if (!parse_number(text.substr(0, text.find_first_of(" \t\n")), seconds) || seconds > k_most_seconds)
        return std::nullopt;
    return std::chrono::seconds(std::max<std::int64_t>(seconds, 0));
}

} // namespace cedana::job
