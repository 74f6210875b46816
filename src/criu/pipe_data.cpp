// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/pipe_data.hpp"

#include "cedana/criu/image_fields.hpp"
#include "cedana/criu/image_file.hpp"

#include <utility>

namespace cedana::criu {

std::map<std::uint64_t, PipeData> parse_pipe_data(std::string_view image) {
    return parse_image([&] {
        std::map<std::uint64_t, PipeData> pipes;
        for (ImageReader messages(image, ImageKind::pipes_data); !messages.at_end();) {
            const auto entry = fields_of<PipeDataEntry>(messages.next());
            PipeData data{.capacity = number_in(entry, PipeDataEntry::size, 0),
                          .unread = std::string(messages.payload(number_in(entry, PipeDataEntry::bytes, 0)))};
            pipes.insert_or_assign(number_in(entry, PipeDataEntry::pipe_id, 0), std::move(data));
        }
        return pipes;
    });
}

} // namespace cedana::criu
