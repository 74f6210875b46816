// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/tcp_stream.hpp"

#include "cedana/criu/image_fields.hpp"
#include "cedana/criu/image_file.hpp"

namespace cedana::criu {

bool has_unsent_data(std::string_view beginning) {
    return parse_image([&] {
        const auto entry = fields_of<TcpStreamEntry>(ImageReader(beginning, ImageKind::tcp_stream).next());
        return number_in(entry, TcpStreamEntry::unsq_len, 0) != 0;
    });
}

} // namespace cedana::criu
