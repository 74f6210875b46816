// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/dump_stall.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/kernel_wait.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/time_text.hpp"

#include <system_error>
#include <utility>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

namespace cedana::criu {

namespace fs = std::filesystem;

namespace {

constexpr auto k_tell_every = std::chrono::seconds(10);

// utime, stime, cutime and cstime of proc(5), behind the name, which may hold anything.
std::uint64_t ticks_of(pid_t process) {
    std::string stat;
    try {
        stat = read_file(fmt::format("/proc/{}/stat", process), 4096);
    } catch (const Error&) {
        return 0;
    }
    const std::vector<std::string> words = split(std::string_view(stat).substr(stat.rfind(')') + 1), ' ');
    // The state, the third field, is the second word here.
    constexpr std::size_t k_first = 14 - 3 + 1;
    std::uint64_t ticks = 0;
    for (std::size_t i = k_first; i < k_first + 4 && i < words.size(); ++i)
        if (std::int64_t number = 0; parse_number(words[i], number))
            ticks += static_cast<std::uint64_t>(number);
    return ticks;
}

std::uint64_t size_of(const fs::path& log) {
    std::error_code error;
    const std::uintmax_t size = fs::file_size(log, error);
    return error ? 0 : size;
}

std::string seconds_text(DumpStall::Clock::duration duration) {
    return human_seconds(std::chrono::duration<double>(duration).count());
}

} // namespace

DumpStall::DumpStall(fs::path log, std::vector<pid_t> tree) : log_(std::move(log)), tree_(std::move(tree)) {}

void DumpStall::watch(pid_t criu, Clock::time_point now) {
    criu_ = criu;
    moved_ = told_ = now;
}

std::string DumpStall::waits_for() const {
    std::string text = fmt::format("criu {}", kernel_wait(criu_, criu_).text());
    for (const pid_t pid : tree_)
        if (const std::string hung = hung_threads(pid); !hung.empty())
            text += "; " + hung;
    return text;
}

void DumpStall::look(std::uint64_t bytes, std::chrono::milliseconds limit, Clock::time_point now) {
    const Mark mark{.bytes = bytes, .ticks = ticks_of(criu_), .log = size_of(log_)};
    if (mark != mark_) {
        mark_ = mark;
        moved_ = told_ = now;
        return;
    }
    if (now - told_ >= k_tell_every) {
        told_ = now;
        spdlog::warn("criu has not moved for {}, and the tree may stand still: {}", seconds_text(now - moved_),
                     waits_for());
    }
    if (limit.count() == 0 || over_ || now - moved_ < limit)
        return;
    over_ = true;
    throw Error(Fault::dump_failed,
                fmt::format("nothing has moved for {} while criu was in the tree", seconds_text(now - moved_)))
        .cause(waits_for());
}

} // namespace cedana::criu
