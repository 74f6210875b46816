// SPDX-License-Identifier: Apache-2.0
// What a tree would touch outside of its namespaces while CRIU restores it, by its images: what a trial of its
// checkpoint, beside an original that lives, must leave alone. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cedana::criu {

// Each as CRIU wrote it; empty where the tree has no such image.
struct TrialLookImages {
    std::string files = {};
    std::string remaps = {};
    std::string file_locks = {};
    std::string terminals = {};
};

// A regular file that the tree has open for writing.
struct WrittenInTrial {
    std::string path;
    // What CRIU compares (criu/files-reg.c).
    std::uint64_t size = 0;
    unsigned mode = 0;
    friend bool operator==(const WrittenInTrial&, const WrittenInTrial&) = default;
};

struct TrialLook {
    // Why it cannot be tried: "it has a FIFO open (/run/x)". Each once.
    std::vector<std::string> reasons = {};
    // By path; what is in /proc and /sys is not among them, where to open is not to write.
    std::vector<WrittenInTrial> written = {};
    // Regular files that are opened to be read.
    std::vector<std::string> read = {};
};

// Throws Error(Fault::checkpoint) for what are no such images.
[[nodiscard]] TrialLook look_for_trial(const TrialLookImages& images);

// Of mm-PID.img, or nothing: a host has few of them, and seldom twice. Throws as above.
[[nodiscard]] bool has_huge_pages(std::string_view mm);

} // namespace cedana::criu
