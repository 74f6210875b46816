// SPDX-License-Identifier: Apache-2.0
// JSON that comes from the other host, or out of a record.
#pragma once

#include "cedana/base/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

namespace cedana::migration {

// Calls `read` with the object; what is none, is nested too deeply, or lacks what is asked of it, is an
// Error(Fault::connection) that names `what`.
template <typename Read>
auto read_object(std::string_view text, std::string_view what, Read&& read) {
    constexpr int k_deepest = 8;
    const auto refuse = [&] {
        return Error(Fault::connection, fmt::format("{} that came from the other host is not usable", what));
    };
    try {
        const nlohmann::json json =
            nlohmann::json::parse(text, [&](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
                if (depth > k_deepest)
                    throw refuse();
                return true;
            });
        if (!json.is_object())
            throw refuse();
        return read(json);
    } catch (const nlohmann::json::exception&) {
        throw refuse();
    }
}

// Bytes that are no UTF-8 are no reason to fail.
inline std::string write_object(const nlohmann::ordered_json& json) {
    return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

// A number, and no other thing that could be made one.
inline std::uint64_t number_in(const nlohmann::json& json, const char* name) {
    const nlohmann::json& value = json.at(name);
    if (!value.is_number_unsigned())
        throw Error(Fault::connection, fmt::format("'{}' that came from the other host is no number", name));
    return value.get<std::uint64_t>();
}

} // namespace cedana::migration
