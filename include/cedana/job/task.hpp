// SPDX-License-Identifier: Apache-2.0
// A dump or a restore in the space of a job: `cedana client dump` and `cedana client restore` as commands of their own,
// whose result is read from their output. So nothing of what they do to a process (signals, limits, orphans) is done to
// the supervisor.
#pragma once

#include "cedana/base/unique_fd.hpp"
#include "cedana/job/space.hpp"
#include "cedana/model/loaded_config.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <sys/types.h>

namespace cedana::job {

// The environment of such a command: all settings as they count for whoever runs the job, so that none is looked for
// in a file again. It is root's own command, which is not told of sudo: its folder is root's. What the caller could
// change is refused as what anybody could, unless sudo allows them a shell.
[[nodiscard]] std::vector<std::string> task_environment(const LoadedConfig& config);

enum class AfterDump { runs_on, ends };
struct DumpTask {
    pid_t root = 0;
    std::filesystem::path folder = {};
    std::string label = {};
    // Which checkpoint it came from (parent_in()).
    std::string note = {};
    AfterDump after = AfterDump::runs_on;
};
[[nodiscard]] std::vector<std::string> dump_words(const DumpTask& task);
[[nodiscard]] std::vector<std::string> restore_words(const std::filesystem::path& checkpoint);

// "epoch 7 after NAME_20261122T164510Z.e0006.zip", and what it says; the parent is empty for "epoch 7, the first".
struct Descent {
    int epoch = 0;
    std::string parent = {};
    friend bool operator==(const Descent&, const Descent&) = default;
};
[[nodiscard]] std::string note_of(const Descent& descent);
[[nodiscard]] std::optional<Descent> descent_in(const std::string& note);

class Task {
  public:
    // `words`: after the name of the program.
    Task(Space& space, const std::vector<std::string>& words, std::vector<std::string> env, Space::Ends ends);

    // Readable when there is output, or when it has ended.
    [[nodiscard]] int output() const noexcept { return output_.get(); }
    // Reads what is there; false at its end.
    [[nodiscard]] bool read();
    // As of output(), of what it says meanwhile: its progress as JSON, and warnings.
    [[nodiscard]] int messages() const noexcept { return messages_.get(); }
    // Whole lines of that; absent at its end.
    [[nodiscard]] std::optional<std::vector<std::string>> read_messages();
    // Its exit code; waits for its end.
    [[nodiscard]] int finish();
    // What it printed; null if that is nothing.
    [[nodiscard]] nlohmann::json result() const;

  private:
    UniqueFd output_;
    UniqueFd messages_;
    std::optional<SpaceCommand> child_;
    std::string said_;
    std::string pending_;
};

} // namespace cedana::job
