// SPDX-License-Identifier: Apache-2.0
#include "system/step_log.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/unique_fd.hpp"

#include <algorithm>
#include <array>

#include <spdlog/fmt/fmt.h>

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

namespace cedana::testing {

namespace fs = std::filesystem;

namespace {

using Clock = std::chrono::steady_clock;

// False when `deadline` passes first.
bool wait_for_event(int events, Clock::time_point deadline) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    pollfd entry{.fd = events, .events = POLLIN, .revents = 0};
    if (left.count() <= 0 || ::poll(&entry, 1, static_cast<int>(left.count())) == 0)
        return false;
    std::array<char, 16384> ignored;
    while (::read(events, ignored.data(), ignored.size()) > 0) {}
    return true;
}

std::string content_of(const fs::path& path) { return fs::exists(path) ? read_file(path) : std::string(); }

} // namespace

void wait_in_folder(const fs::path& folder, const std::function<bool()>& done, const std::string& awaited) {
    const auto deadline = Clock::now() + k_wait_limit;
    const UniqueFd events(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!events || ::inotify_add_watch(events.get(), folder.c_str(),
                                       IN_CREATE | IN_MOVED_TO | IN_MODIFY | IN_CLOSE_WRITE | IN_ONLYDIR) < 0)
        throw OsFailure().error("cannot watch {}", folder.string());
    while (!done())
        if (!wait_for_event(events.get(), deadline))
            throw Error(Fault::internal, fmt::format("waited in vain for {}", awaited));
}

std::string wait_for_content(const fs::path& path, const std::function<bool(const std::string&)>& enough) {
    std::string content;
    wait_in_folder(
        path.parent_path(), [&] { return enough(content = content_of(path)); }, "what was to be in " + path.string());
    return content;
}

std::string wait_for_text(const fs::path& path, const std::string& text) {
    return wait_for_content(path, [&](const std::string& content) { return content.find(text) != std::string::npos; });
}

std::vector<std::string> lines_of(const fs::path& path) {
    std::vector<std::string> lines = split(content_of(path), '\n');
    lines.pop_back();
    return lines;
}

std::vector<std::string> wait_for_lines(const fs::path& path, std::size_t wanted) {
    wait_for_content(path, [&](const std::string& content) {
        return static_cast<std::size_t>(std::ranges::count(content, '\n')) >= wanted;
    });
    return lines_of(path);
}

std::vector<std::string> wait_for_more_lines(const fs::path& path, std::size_t more) {
    return wait_for_lines(path, lines_of(path).size() + more);
}

::testing::AssertionResult count_on_from(std::size_t first, const std::vector<std::string>& lines) {
    for (std::size_t i = 0; i < lines.size(); ++i)
        if (lines[i] != std::to_string(first + i))
            return ::testing::AssertionFailure()
                   << "line " << i + 1 << " of " << lines.size() << " is '" << lines[i] << "' and not " << first + i;
    return ::testing::AssertionSuccess() << lines.size() << " lines count on";
}

} // namespace cedana::testing
