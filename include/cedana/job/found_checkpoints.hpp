// SPDX-License-Identifier: Apache-2.0
// The checkpoints that lie in a job's folder, where nothing else tells of them: state.json was removed or is damaged,
// or those that it names are gone.
#pragma once

#include "cedana/job/state.hpp"
#include "cedana/keys/keyring.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cedana::job {

// Of "NAME_20261122T164510Z_2.e0007.zip" the epoch, 7, and what the order of two of one epoch is by.
struct CheckpointName {
    int epoch = 0;
    std::string moment = {};
    int number = 1;
    friend auto operator<=>(const CheckpointName&, const CheckpointName&) = default;
};
// Absent for what is no checkpoint of that job.
[[nodiscard]] std::optional<CheckpointName> checkpoint_name(std::string_view file, std::string_view job);

// Newest first. Throws Error(Fault::storage) where the folder cannot be read.
[[nodiscard]] std::vector<std::string> checkpoint_files(const std::filesystem::path& folder, const std::string& job);

// Takes those out that are not in the folder any more. Their names.
std::vector<std::string> take_out_gone(std::vector<JobCheckpoint>& chain, const std::filesystem::path& folder);

// What the history tells of a job since it was started last, or was done: the names of its checkpoints, oldest first,
// and the epochs from which on they count and under which it was seen last.
struct Life {
    std::vector<std::string> checkpoints = {};
    int first_epoch = 0;
    int last_epoch = 0;
    friend bool operator==(const Life&, const Life&) = default;
};
[[nodiscard]] Life life_in(const History& history);

// Of all that were found, newest first by their names: damaged ones, and then the newest good one that no other follows
// (clocks are set back, too) with those that it came from. Pure.
[[nodiscard]] std::vector<JobCheckpoint> newest_line(const std::vector<JobCheckpoint>& found);

// newest_line() of those of an epoch from `first_epoch` on. Throws Error(Fault::storage), Error(Fault::permission) if
// no key opens one.
[[nodiscard]] std::vector<JobCheckpoint> find_checkpoints(const std::filesystem::path& folder, const std::string& job,
                                                          const Keyring& keyring, int first_epoch);

} // namespace cedana::job
