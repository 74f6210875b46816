// SPDX-License-Identifier: Apache-2.0
// A checkpoint's file on its way to its final name. It is written as a partial file (partial_file.hpp), and gets its
// name only when it is whole and on the disk; nothing is ever overwritten.
#pragma once

#include "cedana/base/unique_fd.hpp"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cedana {

// "NAME_20261122T164510Z": characters of the program's name outside of [A-Za-z0-9_-], and dots that do not stand behind
// a letter or a digit, become _, and there are at most 100 of them.
[[nodiscard]] std::string checkpoint_stem(std::string_view program, std::chrono::system_clock::time_point when);

// The time in such a stem, and in one with a number behind it; none if there is none.
[[nodiscard]] std::optional<std::chrono::system_clock::time_point> time_in_stem(std::string_view stem);

// "STEM.zip", "STEM_2.zip", …
[[nodiscard]] std::string numbered_name(const std::string& stem, int number);

class PendingCheckpoint {
  public:
    // Makes the partial file, mode 0600 whatever the umask is. Throws Error(Fault::storage).
    PendingCheckpoint(const std::filesystem::path& folder, const std::string& stem);
    PendingCheckpoint(const PendingCheckpoint&) = delete;
    PendingCheckpoint& operator=(const PendingCheckpoint&) = delete;
    // Removes the partial file unless it was published.
    ~PendingCheckpoint();

    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    [[nodiscard]] const std::filesystem::path& partial() const noexcept { return partial_; }

    // Flushes the file to the disk, renames it to STEM.zip (or STEM_2.zip, … if that is taken) and flushes the folder;
    // the final path. Throws Error(Fault::storage): no file with a final name exists then.
    [[nodiscard]] std::filesystem::path publish();

  private:
    std::filesystem::path folder_;
    std::string stem_;
    std::filesystem::path partial_;
    UniqueFd fd_;
};

struct PartialFiles {
    std::vector<std::filesystem::path> removed;
    // Being written, or not to be removed.
    std::vector<std::filesystem::path> kept;
    std::vector<std::filesystem::path> of_other_hosts;
};

// Removes the partial files of this host in a folder whose writers are gone.
PartialFiles remove_abandoned(const std::filesystem::path& folder);

// A look at the folder comes back within `limit`, which one at a file server that is gone does not; whether it is there
// is not asked. Throws Error(Fault::storage).
inline constexpr std::chrono::seconds k_answer_limit{20};
void require_answer(const std::filesystem::path& folder, std::string_view what,
                    std::chrono::milliseconds limit = k_answer_limit);

// The folder answers, exists, is a folder and can be written. Throws Error(Fault::storage) with what to do.
void require_folder(const std::filesystem::path& folder, std::string_view what);

} // namespace cedana
