// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/own_cgroup.hpp"
#include "cedana/criu/image_fields.hpp"
#include "cedana/criu/image_file.hpp"
#include "cedana/criu/image_mends.hpp"

#include <optional>
#include <string>
#include <string_view>

#include "changed_image.hpp"

namespace cedana::criu {

namespace {

bool is_of_cedana(std::string_view folder) {
    return is_own_cgroup(bytes_in(fields_of<CgroupDirEntry>(folder), CgroupDirEntry::dir_name));
}

// CRIU would make such a group anew, and the next cedana removes it, perhaps while CRIU still sets it up ("bad cgroup
// path").
std::optional<std::string> without_own_groups(std::string_view folder) {
    bool changed = false;
    std::string result =
        changed_message<CgroupDirEntry>(folder, [&](protozero::pbf_message<CgroupDirEntry> field, auto& out) {
            if (field.tag() != CgroupDirEntry::children)
                return false;
            const std::string_view child = bytes_of(field);
            const bool is_left_out = is_of_cedana(child);
            const std::optional<std::string> other = is_left_out ? std::nullopt : without_own_groups(child);
            if (other)
                out.add_message(CgroupDirEntry::children, *other);
            const bool is_changed = is_left_out || other;
            changed = changed || is_changed;
            return is_changed;
        });
    return changed ? std::optional(std::move(result)) : std::nullopt;
}

} // namespace

MendedImage without_groups_of_cedana(std::string_view cgroups) {
    return parse_image([&] {
        return changed_image(cgroups, ImageKind::cgroups, [](auto entry) {
            return changed_within(entry, CgroupEntry::controllers, [](auto controller) {
                return changed_within(controller, CgControllerEntry::dirs, without_own_groups);
            });
        });
    });
}

} // namespace cedana::criu
