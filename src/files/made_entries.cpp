// SPDX-License-Identifier: Apache-2.0
#include "cedana/files/made_entries.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cedana {

MadeEntries::MadeEntries(const std::vector<UnitEntry>& entries, const std::filesystem::path& root) {
    try {
        for (const UnitEntry& entry : entries)
            if (FilePlace place(entry.path, root); !place.entry(place.name()))
                make(entry, std::move(place));
    } catch (...) {
        undo();
        throw;
    }
}

MadeEntries::~MadeEntries() { undo(); }

void MadeEntries::make(const UnitEntry& entry, FilePlace place) {
    constexpr mode_t k_for_root_alone = 0700;
    const int folder = place.folder();
    const char* const name = place.name().c_str();
    const int result = entry.kind == UnitEntryKind::folder ? ::mkdirat(folder, name, k_for_root_alone)
                       : entry.kind == UnitEntryKind::fifo ? ::mkfifoat(folder, name, k_for_root_alone)
                                                           : ::symlinkat(entry.target.c_str(), folder, name);
    if (result != 0)
        throw OsFailure(Fault::restore_failed).error("cannot make {}", printable(entry.path));
    made_.emplace_back(std::move(place), entry.kind == UnitEntryKind::folder);
    const char* const made = made_.back().first.name().c_str();
    if (::fchownat(folder, made, entry.owner, entry.group, AT_SYMLINK_NOFOLLOW) != 0)
        throw OsFailure(Fault::restore_failed).error("cannot give {} to its owner", printable(entry.path));
    if (entry.kind == UnitEntryKind::link)
        return;
    // In a folder of another user something else could have its name by now: nothing is followed (chmod(2) has no such
    // flag).
    const UniqueFd opened(::openat(folder, made, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
    if (!opened || ::fchmod(opened.get(), entry.mode) != 0)
        throw OsFailure(Fault::restore_failed).error("cannot give {} its mode", printable(entry.path));
}

void MadeEntries::undo() noexcept {
    for (auto one = made_.rbegin(); one != made_.rend(); ++one)
        ::unlinkat(one->first.folder(), one->first.name().c_str(), one->second ? AT_REMOVEDIR : 0);
    made_.clear();
}

} // namespace cedana
