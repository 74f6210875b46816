// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/process_mark.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"

#include <cstddef>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include <sys/stat.h>
#include <unistd.h>

namespace cedana {

namespace {

struct StatFields {
    char state = 'X';
    std::uint64_t start_time = 0;
};

// `name`: a pid or "self". Absent if there is none.
std::optional<StatFields> read_stat(const std::string& name) {
    constexpr std::size_t k_limit = 4096;
    // Fields 3 and 22 of proc(5), counted from the end of the second, which may hold spaces and parentheses.
    constexpr std::size_t k_state = 0;
    constexpr std::size_t k_start_time = 19;
    try {
        const std::string content = read_file("/proc/" + name + "/stat", k_limit);
        const std::vector<std::string> fields =
            split(trim(std::string_view(content).substr(content.rfind(')') + 1)), ' ');
        std::int64_t start_time = 0;
        if (fields.size() <= k_start_time || !parse_number(fields[k_start_time], start_time))
            return std::nullopt;
        return StatFields{.state = fields[k_state][0], .start_time = static_cast<std::uint64_t>(start_time)};
    } catch (const Error&) {
        return std::nullopt;
    }
}

} // namespace

ProcessMark own_mark() {
    const auto seen = read_stat("self");
    return {.pid = ::getpid(), .start_time = seen ? seen->start_time : 0};
}

std::optional<ProcessMark> mark_of(pid_t pid) {
    const auto seen = read_stat(std::to_string(pid));
    return seen ? std::optional(ProcessMark{.pid = pid, .start_time = seen->start_time}) : std::nullopt;
}

bool is_at_work(const ProcessMark& mark) {
    const auto seen = read_stat(std::to_string(mark.pid));
    return seen && seen->state != 'Z' && seen->state != 'X' &&
           (mark.start_time == 0 || seen->start_time == mark.start_time);
}

std::string to_text(const ProcessMark& mark, char separator) {
    return mark.start_time == 0 ? std::to_string(mark.pid)
                                : fmt::format("{}{}{}", mark.pid, separator, mark.start_time);
}

std::optional<ProcessMark> parse_mark(std::string_view pid, std::string_view start_time) {
    std::int64_t number = 0;
    std::int64_t start = 0;
    if (!parse_number(pid, number) || (!start_time.empty() && !parse_number(start_time, start)))
        return std::nullopt;
    return ProcessMark{.pid = static_cast<pid_t>(number), .start_time = static_cast<std::uint64_t>(start)};
}

NamespacedMark own_namespaced_mark() {
    struct ::stat info {};
    return {.process = own_mark(),
            .pid_namespace = ::stat("/proc/self/ns/pid", &info) == 0 ? std::uint64_t{info.st_ino} : 0};
}

std::string to_text(const NamespacedMark& mark) {
    return fmt::format("{}.{}.{}", mark.process.pid, mark.process.start_time, mark.pid_namespace);
}

std::optional<NamespacedMark> parse_namespaced_mark(std::string_view text) {
    const std::vector<std::string> words = split(text, '.');
    std::int64_t space = 0;
    if (words.size() > 3 || (words.size() == 3 && !parse_number(words[2], space)))
        return std::nullopt;
    const auto process = parse_mark(words[0], words.size() > 1 ? std::string_view(words[1]) : std::string_view());
    if (!process)
        return std::nullopt;
    return NamespacedMark{.process = *process, .pid_namespace = static_cast<std::uint64_t>(space)};
}

MarkedProcess standing_of(const NamespacedMark& mark) {
    if (mark.pid_namespace != 0 && mark.pid_namespace != own_namespaced_mark().pid_namespace)
        return MarkedProcess::elsewhere;
    return is_at_work(mark.process) ? MarkedProcess::at_work : MarkedProcess::ended;
}

} // namespace cedana
