// SPDX-License-Identifier: Apache-2.0
// How a mend writes an image: what nothing is said about stays byte for byte as it was.
#pragma once

#include "cedana/criu/image_fields.hpp"
#include "cedana/criu/image_file.hpp"
#include "cedana/criu/image_mends.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace cedana::criu {

// An image whose messages are changed, none of which has a payload; nothing if `change` gives nothing for each.
template <typename Change>
MendedImage changed_image(std::string_view image, ImageKind kind, Change&& change) {
    bool changed = false;
    ImageWriter out(kind);
    for (ImageReader messages(image, kind); !messages.at_end();) {
        const std::string_view message = messages.next();
        const std::optional<std::string> other = change(message);
        changed |= other.has_value();
        out.add(other ? std::string_view(*other) : message);
    }
    return changed ? MendedImage(std::move(out).bytes()) : std::nullopt;
}

// A message of a message, each time that it occurs, changed.
template <typename Field, typename Change>
std::optional<std::string> changed_within(std::string_view message, Field wanted, Change&& change) {
    bool changed = false;
    std::string result = changed_message<Field>(message, [&](protozero::pbf_message<Field> field, auto& out) {
        if (field.tag() != wanted)
            return false;
        const std::optional<std::string> other = change(bytes_of(field));
        if (!other)
            return false;
        changed = true;
        out.add_message(wanted, *other);
        return true;
    });
    return changed ? std::optional(std::move(result)) : std::nullopt;
}

} // namespace cedana::criu
