// SPDX-License-Identifier: Apache-2.0
#include "file_looks.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"

#include <string>
#include <string_view>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cedana {

bool is_there(const NamedPlace& named, const std::filesystem::path& root) {
    const FilePlace place(named.path, root);
    const auto present = place.entry(place.name());
    if (!present)
        return false;
    if (!named.is_link() && S_ISDIR(present->st_mode))
        return true;
    std::string leads_to(named.leads_to.size() + 1, '\0');
    const ssize_t length = named.is_link() && S_ISLNK(present->st_mode)
                               ? ::readlinkat(place.folder(), place.name().c_str(), leads_to.data(), leads_to.size())
                               : -1;
    if (length >= 0 && std::string_view(leads_to).substr(0, static_cast<std::size_t>(length)) == named.leads_to)
        return true;
    throw Error(Fault::restore_failed, fmt::format("cannot make {}: something else is there", printable(named.path)))
        .hint(fmt::format("move it away: mv {} {}", shell_word(named.path), shell_word(named.path + ".old")));
}

// Opening it, only to compare it, would break the lease, and end most of those that hold one.
void require_no_lease(const FilePlace& place, const LeasesAhead& leases) {
    const auto there = place.entry(place.name());
    const auto lease = there ? lease_broken_by_reading(leases.get(), *there) : std::nullopt;
    if (lease)
        throw Error(Fault::restore_failed,
                    fmt::format("cannot look at {}: process {} holds a lease on it (fcntl, F_SETLEASE), which whoever "
                                "opens it breaks",
                                printable(place.path().string()), lease->holder))
            .hint(lease->holder != 0 ? fmt::format("end that process: kill {}", lease->holder)
                                     : std::string("end the process that holds it"));
}

// chattr(1): neither its name nor what is in it can be changed then.
void require_changeable(const CapturedFile& file, const UniqueFd& present) {
    struct ::statx info {};
    if (::statx(present.get(), "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, 0, &info) != 0 ||
        (info.stx_attributes & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND)) == 0)
        return;
    throw Error(Fault::restore_failed,
                fmt::format("cannot put {} back: it {} (chattr)", printable(file.path),
                            (info.stx_attributes & STATX_ATTR_IMMUTABLE) != 0 ? "cannot be changed"
                                                                              : "can only be appended to"))
        .hint(fmt::format("take the attribute away for the restore: chattr -ia {}", shell_word(file.path)));
}

void require_writable_folder(const FilePlace& place) {
    if (::faccessat(place.folder(), ".", W_OK, AT_EACCESS) == 0)
        return;
    throw OsFailure(Fault::restore_failed)
        .error("cannot put {} here: its folder cannot be written to", printable(place.path().string()));
}

} // namespace cedana
