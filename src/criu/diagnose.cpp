// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/diagnose.hpp"

#include "cedana/base/text.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include <spdlog/fmt/fmt.h>

#include "known_failures.hpp"

namespace cedana::criu {

namespace {

// Lines of every log, or of every failed one; none of them is a cause.
constexpr auto k_noise = std::to_array<std::string_view>({
    "rlimit: Can't setup RLIMIT_NOFILE",
    "Dumping FAILED",
    "Restoring FAILED",
    "failed with -1",
    "Unable to open fd=",
    "cgroupd: recv req error",
    "Unable to detach from",
    "exited, status=",
    "execvp(\"ip",
    "`- Can't open vma",
});

// All that CRIU says of an epoll instance (criu/eventpoll.c): "Dump eventpoll (pid: 42) failed with -1".
constexpr std::string_view k_only_word = "Dump eventpoll";

// "(00.012345) 4242: Error (criu/tty.c:1830): text" → "text"
std::optional<std::string_view> error_text(std::string_view line) {
    const std::size_t start = line.find("Error (");
    if (start == std::string_view::npos)
        return std::nullopt;
    const std::size_t end = line.find("): ", start);
    return end == std::string_view::npos ? line.substr(start) : line.substr(end + 3);
}

} // namespace

std::vector<std::string> telling_lines(std::string_view log) {
    std::vector<std::string> lines;
    for (const std::string& line : split(log, '\n')) {
        const auto text = error_text(line);
        const auto is_in = [&](std::string_view noise) { return text->find(noise) != std::string_view::npos; };
        if (text && (is_in(k_only_word) || std::ranges::none_of(k_noise, is_in)))
            lines.emplace_back(*text);
    }
    return lines;
}

namespace {

Diagnosis explained(const KnownFailure& known, std::string_view line) {
    return {.cause = fmt::format("{} (criu: \"{}\")", known.cause, printable(line)),
            .hint = std::string(known.remedy),
            .while_stopping = known.while_stopping};
}

// "(00.012) Warn  (compel/src/lib/infect.c:132): text" → "text"
std::string_view without_prefix(std::string_view line) {
    const std::size_t end = line.find("): ");
    return end == std::string_view::npos ? line : line.substr(end + 3);
}

} // namespace

Diagnosis diagnose(std::string_view log) {
    constexpr std::size_t k_shown = 3;
    const std::vector<std::string> errors = telling_lines(log);
    for (const std::string& line : errors)
        if (const KnownFailure* known = find_known_error(line))
            return explained(*known, line);
    // A log of errors that are not known is better shown as it is than explained by a remark.
    if (errors.empty())
        for (const std::string& line : split(log, '\n'))
            if (const KnownFailure* known = find_known_remark(line))
                return explained(*known, without_prefix(line));
    Diagnosis unknown;
    for (std::size_t i = 0; i < std::min(errors.size(), k_shown); ++i)
        unknown.cause += fmt::format("{}criu: \"{}\"", i == 0 ? "" : "; ", printable(errors[i]));
    return unknown;
}

bool fails_by_a_name(std::string_view log) {
    // criu/sk-inet.c, soccr/soccr.c, criu/sk-unix.c, criu/file-lock.c.
    constexpr auto k_texts = std::to_array<std::string_view>(
        {"Can't bind", "Can't listen on", "Can't connect inet", "Can not set posix lock", "Can not set ofd lock",
         "Can not set flock", "Can't set lease", "with specified index"});
    return std::ranges::any_of(telling_lines(log), [&](const std::string& line) {
        return std::ranges::any_of(k_texts,
                                   [&](std::string_view text) { return line.find(text) != std::string::npos; });
    });
}

} // namespace cedana::criu
