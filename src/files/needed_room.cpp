// SPDX-License-Identifier: Apache-2.0
#include "cedana/files/needed_room.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"

#include <limits>

#include <spdlog/fmt/fmt.h>

#include <sys/stat.h>
#include <sys/statvfs.h>

namespace cedana {

void NeededRoom::add(const FilePlace& place, std::uint64_t bytes) {
    struct ::stat folder {};
    struct ::statvfs room {};
    if (::fstat(place.folder(), &folder) != 0 || ::fstatvfs(place.folder(), &room) != 0)
        throw OsFailure(Fault::storage).error("cannot look at the file system of {}", printable(place.path().string()));
    Share& share = file_systems_[folder.st_dev];
    share.folder = place.path().parent_path();
    // Sizes come from the checkpoint.
    if (__builtin_add_overflow(share.needed, bytes, &share.needed))
        share.needed = std::numeric_limits<std::uint64_t>::max();
    share.free = room.f_blocks == 0 ? std::numeric_limits<std::uint64_t>::max()
                                    : static_cast<std::uint64_t>(room.f_bfree) * room.f_frsize;
}

void NeededRoom::require() const {
    for (const auto& [device, share] : file_systems_)
        require_room(share);
}

void require_room(const NeededRoom::Share& share) {
    if (share.needed <= share.free)
        return;
    throw Error(Fault::storage,
                fmt::format("there is not enough room to put files back: they have {}, and {} is free "
                            "in {}",
                            human_bytes(share.needed), human_bytes(share.free), printable(share.folder.string())))
        .hint("make room there, or leave files as they are (CEDANA_FILES_CAPTURE=none)");
}

} // namespace cedana
