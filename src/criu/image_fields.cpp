// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/image_fields.hpp"

#include <spdlog/fmt/fmt.h>

namespace cedana::criu {

std::uint64_t number_of(protozero::pbf_reader& field) {
    switch (field.wire_type()) {
    case protozero::pbf_wire_type::varint:
        return field.get_uint64();
    case protozero::pbf_wire_type::fixed64:
        return field.get_fixed64();
    case protozero::pbf_wire_type::fixed32:
        return field.get_fixed32();
    default:
        throw UnexpectedFieldType();
    }
}

std::string_view bytes_of(protozero::pbf_reader& field) {
    if (!field.has_wire_type(protozero::pbf_wire_type::length_delimited))
        throw UnexpectedFieldType();
    const protozero::data_view bytes = field.get_view();
    return {bytes.data(), bytes.size()};
}

void throw_unreadable(Fault fault, const char* what, const protozero::exception& error) {
    throw Error(fault, fmt::format("{}: {}", what, error.what()));
}

} // namespace cedana::criu
