// SPDX-License-Identifier: Apache-2.0
// A folder whose files others write to, as it is at one moment, read for the most part before that moment: a first
// archive is made while the container runs, and once it stands still a second one with what is another since. A file is
// the same if its inode, its size and the time of its last change are (inode(7), st_ctime: no program can set it), that
// time lies well before the first look, and no process has it mapped shared, since what is written so changes the time
// only now and then (mmap(2)). A restore unpacks the first, removes what had gone by then, and unpacks the second.
#pragma once

#include "cedana/base/file_id.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/model/image_stream.hpp"

#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace cedana::containers {

class TarWriter;

// upper: of an overlay, whose whiteouts and opaque folders say what is removed of the folder below.
enum class FolderKind { plain, upper };

// The names of the two archives among the images.
struct FolderImages {
    std::string ahead;
    std::string since;
};

struct ChangedFiles {
    // Of the folder below an overlay, without a slash before them. They go before what is in the archives comes.
    std::vector<std::string> removed = {};
    // In the first archive, and gone when the second was made.
    std::vector<std::string> outdated = {};
    std::uint64_t files = 0;
    std::uint64_t bytes = 0;
};

// A file as it was when the first archive was made.
struct SeenFile {
    FileId id;
    off_t size = 0;
    std::chrono::nanoseconds changed = {};
    bool is_settled = false;
    bool is_still_there = false;
};
using SeenFiles = std::unordered_map<std::string, SeenFile>;

class FolderCapture {
  public:
    // `left_out`: paths in it, without a slash before them, that are not its own. `settled_after`: how long before the
    // first look a file must have been changed last: its time is that of the beginning of a call, which may take long
    // to write, and of a clock that ticks.
    FolderCapture(UniqueFd folder, FolderKind kind, FolderImages images, std::set<std::string> left_out = {},
                  std::chrono::nanoseconds settled_after = std::chrono::seconds(5));

    // The first archive. `mapped`: paths in the folder that some process has mapped shared. Throws Error,
    // Error(Fault::interrupted).
    void take_ahead(const std::set<std::string>& mapped, ImageSink& sink, const Interrupt& interrupt);
    // The second one; nothing writes to the folder meanwhile. All is in it if there was no first one.
    [[nodiscard]] ChangedFiles take_rest(const std::set<std::string>& mapped, ImageSink& sink,
                                         const Interrupt& interrupt);
    // What there is, without reading a file. Throws Error(Fault::dump_failed) for an overlay that keeps parts of its
    // files elsewhere (metacopy, redirect_dir).
    [[nodiscard]] ChangedFiles measure();

    // measure: files are only counted. ahead: all go into the archive, and are noted. rest: those go that are not as
    // they were noted.
    enum class Pass { measure, ahead, rest };

  private:
    [[nodiscard]] ChangedFiles walk(Pass pass, TarWriter* archive, const Interrupt& interrupt);
    void note_mapped(const std::set<std::string>& paths);

    UniqueFd folder_;
    FolderKind kind_;
    FolderImages images_;
    std::set<std::string> left_out_;
    std::chrono::nanoseconds settled_after_;
    SeenFiles seen_;
    std::set<FileId> mapped_;
};

// Out of /proc/PID/maps: what is mapped shared, as paths without a slash before them. Pure.
[[nodiscard]] std::set<std::string> shared_mappings_in(std::string_view maps);

} // namespace cedana::containers
