// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/next_pids.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"

#include <algorithm>
#include <cstdint>
#include <string>

#include <fcntl.h>
#include <unistd.h>

namespace cedana {

namespace {

constexpr const char* k_last_pid_file = "/proc/sys/kernel/ns_last_pid";
constexpr const char* k_pid_max_file = "/proc/sys/kernel/pid_max";
constexpr pid_t k_first_after_wrap = 300;

pid_t read_number(const char* path) {
    std::int64_t number = 0;
    if (!parse_number(trim(read_file(path)), number))
        throw Error(Fault::environment, std::string(path) + " holds no number");
    return static_cast<pid_t>(number);
}

} // namespace

std::optional<pid_t> last_before_free(const std::set<pid_t>& used, pid_t pid_max, pid_t count) {
    const pid_t above = used.empty() ? k_first_after_wrap - 1 : std::max(*used.rbegin(), k_first_after_wrap - 1);
    if (pid_max - 1 - above >= count)
        return above;
    pid_t last = k_first_after_wrap - 1;
    for (auto next = used.upper_bound(last); next != used.end(); ++next) {
        if (*next - 1 - last >= count)
            return last;
        last = *next;
    }
    return std::nullopt;
}

bool comes_soon(const std::set<pid_t>& used, pid_t last, pid_t count) {
    const auto next = used.upper_bound(last);
    return next != used.end() && *next - last <= count;
}

pid_t read_last_pid() { return read_number(k_last_pid_file); }

pid_t read_pid_max() { return read_number(k_pid_max_file); }

void write_last_pid(pid_t last) {
    const std::string text = std::to_string(last);
    const UniqueFd file(::open(k_last_pid_file, O_WRONLY | O_CLOEXEC));
    if (!file || ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
        throw OsFailure(Fault::environment).error("cannot choose the next pids ({})", k_last_pid_file);
}

void keep_numbers_clear(const std::set<pid_t>& used) {
    if (!comes_soon(used, read_last_pid(), k_own_numbers))
        return;
    if (const auto last = last_before_free(used, read_pid_max(), k_own_numbers))
        write_last_pid(*last);
}

} // namespace cedana
