// SPDX-License-Identifier: Apache-2.0
// Programs of many kinds: dumped, restored, and still right.
#include "cedana/base/text.hpp"

#include <algorithm>
#include <csignal>
#include <map>

#include "support/wait.hpp"
#include "system/step_log.hpp"
#include "system/system_fixture.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;

using Programs = System;

// Enough to see that a program runs, and not only that it ran.

TEST_F(Programs, AShellLoopCountsOnWithoutAGap) {
    const fs::path log = scratch("count");
    Target target(
        {"/bin/bash", "-c", "i=0; while :; do i=$((i + 1)); echo $i >> " + log.string() + "; sleep 0.01; done"});
    wait_for_more_lines(log, k_steps);
    const fs::path zip = dump_and_stop(target);
    restore_as(target.pid(), zip);
    EXPECT_TRUE(count_on_from(1, wait_for_more_lines(log, k_steps)));
}

TEST_F(Programs, AShellLoopKeepsItsPlaceInItsOutput) {
    const fs::path output = scratch("output");
    Target target({"/bin/bash", "-c", "i=0; while :; do i=$((i + 1)); echo $i; sleep 0.01; done"}, output);
    wait_for_more_lines(output, k_steps);
    const fs::path zip = dump_and_stop(target);
    restore_as(target.pid(), zip);
    EXPECT_TRUE(count_on_from(1, wait_for_more_lines(output, k_steps)));
}

TEST_F(Programs, ACompiledProgramCountsOnAndItsMemoryIsRight) {
    const fs::path log = scratch("count");
    // Each step checks a sixteenth of a mebibyte.
    constexpr std::size_t k_all_memory = 64UL * 16;
    Target target({target_program("counter"), log, "64"});
    wait_for_more_lines(log, k_steps);
    const fs::path zip = dump_and_stop(target);
    restore_as(target.pid(), zip);
    EXPECT_TRUE(count_on_from(1, wait_for_more_lines(log, k_all_memory)));
}

// "THREAD WORD" → the words of each thread.
std::map<std::string, std::vector<std::string>> by_thread(const std::vector<std::string>& lines) {
    std::map<std::string, std::vector<std::string>> words;
    for (const std::string& line : lines)
        words[line.substr(0, line.find(' '))].push_back(line.substr(line.find(' ') + 1));
    return words;
}

bool each_thread_has(const fs::path& log, std::size_t threads, std::size_t lines) {
    const auto words = by_thread(lines_of(log));
    return words.size() == threads &&
           std::ranges::all_of(words, [&](const auto& one) { return one.second.size() >= lines; });
}

// Until each thread has written that many lines.
std::map<std::string, std::vector<std::string>> wait_for_each_thread(const fs::path& log, std::size_t threads,
                                                                     std::size_t lines) {
    wait_for_content(log, [&](const std::string&) { return each_thread_has(log, threads, lines); });
    return by_thread(lines_of(log));
}

std::size_t most_lines(const std::map<std::string, std::vector<std::string>>& words) {
    std::size_t most = 0;
    for (const auto& [thread, lines] : words)
        most = std::max(most, lines.size());
    return most;
}

TEST_F(Programs, APythonProgramHashesTheSameMemoryInAllItsThreads) {
    require_program("/usr/bin/python3", "python3");
    constexpr std::size_t k_threads = 4;
    const fs::path log = scratch("hashes");
    Target target({"/usr/bin/python3", script("hashes.py"), log});
    wait_for_each_thread(log, k_threads, 1);
    const fs::path zip = dump_and_stop(target);
    const std::size_t before = most_lines(by_thread(lines_of(log)));
    restore_as(target.pid(), zip);
    // Two more: the first may have been begun before the dump.
    for (const auto& [thread, hashes] : wait_for_each_thread(log, k_threads, before + 2))
        EXPECT_EQ(std::ranges::count(hashes, hashes.front()), static_cast<std::ptrdiff_t>(hashes.size())) << thread;
}

TEST_F(Programs, ATreeOfThreeProcessesTalksOn) {
    const fs::path log = scratch("count");
    Target target({target_program("family"), log});
    wait_for_more_lines(log, k_steps);
    const fs::path zip = dump_and_stop(target);
    restore_as(target.pid(), zip);
    EXPECT_TRUE(count_on_from(1, wait_for_more_lines(log, k_steps)));
}

TEST_F(Programs, EightThreadsCountOn) {
    constexpr std::size_t k_threads = 8;
    const fs::path log = scratch("counts");
    Target target({target_program("threads"), log});
    wait_for_each_thread(log, k_threads, k_steps);
    const fs::path zip = dump_and_stop(target);
    const std::size_t before = most_lines(by_thread(lines_of(log)));
    restore_as(target.pid(), zip);
    for (const auto& [thread, counts] : wait_for_each_thread(log, k_threads, before + k_steps))
        EXPECT_TRUE(count_on_from(1, counts)) << thread;
}

// A program that is left running, which is the default.
class LeftRunning : public System {
  protected:
    // Dumps twice, with steps in between; the second checkpoint.
    fs::path dump_twice() const {
        EXPECT_EQ(dump(target.pid()).exit_code, 0);
        wait_for_more_lines(log, k_steps);
        const CedanaRun second = dump(target.pid());
        EXPECT_EQ(second.exit_code, 0) << second.err;
        return only_line(second.out);
    }

    const fs::path log = scratch("count");
    Target target{{target_program("counter"), log, "16"}};
};

TEST_F(LeftRunning, CountsOnWithoutAGap) {
    wait_for_more_lines(log, k_steps);
    dump_twice();
    EXPECT_TRUE(count_on_from(1, wait_for_more_lines(log, k_steps)));
    EXPECT_TRUE(target.runs());
}

TEST_F(LeftRunning, ComesBackWhereItWasAtTheSecondDump) {
    wait_for_more_lines(log, k_steps);
    const fs::path zip = dump_twice();
    wait_for_more_lines(log, k_steps);
    target.end();
    restore_as(target.pid(), zip);
    const std::vector<std::string> lines = wait_for_more_lines(log, k_steps);
    EXPECT_GE(lines.size(), 3 * k_steps);
    EXPECT_TRUE(count_on_from(1, lines));
}

} // namespace
} // namespace cedana::testing
