// SPDX-License-Identifier: Apache-2.0
// The files to which targets append what they do, and logs in general: waiting for them, by inotify, and judging them.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/wait.hpp"

namespace cedana::testing {

// By which a program shows that it goes on.
inline constexpr std::size_t k_steps = 100;
inline constexpr std::size_t k_few_steps = 20;

// Until `done`, which is asked again whenever something happens in the folder or to a file in it. Throws Error after
// k_wait_limit, with `awaited` in it.
void wait_in_folder(const std::filesystem::path& folder, const std::function<bool()>& done, const std::string& awaited);

// The content of a file once `enough` is satisfied with it. The file's folder must be there.
std::string wait_for_content(const std::filesystem::path& path, const std::function<bool(const std::string&)>& enough);
std::string wait_for_text(const std::filesystem::path& path, const std::string& text);

// Without a last line that is not complete yet; nothing if there is no such file.
[[nodiscard]] std::vector<std::string> lines_of(const std::filesystem::path& path);
// Until there are that many lines, or that many more than now. All lines.
std::vector<std::string> wait_for_lines(const std::filesystem::path& path, std::size_t wanted);
std::vector<std::string> wait_for_more_lines(const std::filesystem::path& path, std::size_t more);

// Whether the lines are numbers of which each is one more than the one before, the first being `first`.
[[nodiscard]] ::testing::AssertionResult count_on_from(std::size_t first, const std::vector<std::string>& lines);

} // namespace cedana::testing
