// SPDX-License-Identifier: Apache-2.0
#include "cedana/model/json_failure.hpp"

#include "cedana/base/text.hpp"

#include <spdlog/fmt/fmt.h>

namespace cedana {

std::string what_is_wrong_with(std::string_view text, const nlohmann::json::exception& error) {
    if (trim(text).empty())
        return "it is empty";
    if (dynamic_cast<const nlohmann::json::type_error*>(&error) != nullptr)
        return "a value in it is of another kind than it must be";
    return what_is_wrong(error);
}

std::string what_is_wrong(const nlohmann::json::exception& error) {
    if (const auto* failure = dynamic_cast<const nlohmann::json::parse_error*>(&error))
        return fmt::format("it is no JSON from byte {} on", failure->byte);
    // "[json.exception.out_of_range.403] key 'since' not found": the first word is the library's.
    const std::string_view why = error.what();
    const std::size_t at = why.find("] ");
    return printable(why.substr(at == std::string_view::npos ? 0 : at + 2));
}

} // namespace cedana
