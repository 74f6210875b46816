// SPDX-License-Identifier: Apache-2.0
// Which regular files a tree has open for writing, and who else has: what a checkpoint must hold beside the memory,
// since CRIU opens files again by their path and expects them as they were. Looking opens none of them.
#pragma once

#include "cedana/base/file_id.hpp"
#include "cedana/model/captured_file.hpp"
#include "cedana/process/holdings.hpp"
#include "cedana/process/procfs.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <sys/stat.h>
#include <sys/types.h>

namespace cedana {

struct WrittenFile {
    // As the tree sees it; no links in it.
    std::string path;
    // Where this process sees it, if that is elsewhere: "/proc/42/root/tmp/a"; empty: there.
    std::string seen_at = {};
    struct ::stat info {};
    // None if the tree has written it and does not have it open.
    std::vector<FileUse> uses = {};
    // Somebody has named it to go with the tree (named_files.hpp): copied whatever its size.
    bool is_named = false;
    // Somebody has named one that the tree writes to.
    bool any_size = false;
    [[nodiscard]] const std::string& place() const noexcept { return seen_at.empty() ? path : seen_at; }

    // All that is written to it goes to its end.
    [[nodiscard]] bool only_appended() const noexcept;
};

struct WrittenFiles {
    // In the order in which the tree has them open; a file with two names that are both open is there twice.
    std::vector<WrittenFile> files;
    // Paths under which something else or nothing is seen from here: another mount namespace, or a mount on top.
    std::vector<std::string> unseen;
};

// among_its_mounts: CRIU works among the mounts of the tree, and takes nothing of what is in them
// (entered_namespaces.hpp).
enum class LookedAtFrom { here, among_its_mounts };

// Regular files with a name: those without one are CRIU's ghosts. Not those of the kernel's own file systems.
[[nodiscard]] WrittenFiles written_files(const TreeHoldings& tree, LookedAtFrom from = LookedAtFrom::here);

// Adds those of `more` that are not there yet under any name.
void add_missing(WrittenFiles& written, WrittenFiles more);

// Adds those of `more` whose path is not there yet: of a file with several names (hard links) each is one. What is
// there and was named goes whatever its size.
void add_missing_names(WrittenFiles& written, WrittenFiles more);

// Whether the file is what this path leads to here, without following a link.
[[nodiscard]] bool is_seen_at(const std::string& path, const struct ::stat& info);

// Whether a path is not under /proc, /sys or /dev; in /dev/shm lie files as elsewhere.
[[nodiscard]] bool is_kept_by_file_system(std::string_view path);

struct OutsideWriter {
    FileId file;
    pid_t pid = 0;
    std::string comm;
};

// Processes that have one of the files open or mapped for writing, each once a file, but for `self`, those in `tree`,
// and what they have started since it was read (a shell's loop starts a program each moment).
[[nodiscard]] std::vector<OutsideWriter> outside_writers(const Procfs& procfs, const std::vector<FileId>& files,
                                                         const std::vector<pid_t>& tree, pid_t self);

} // namespace cedana
