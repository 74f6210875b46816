// SPDX-License-Identifier: Apache-2.0
#include "cedana/model/json_failure.hpp"

#include "cedana/base/text.hpp"

#include <spdlog/fmt/fmt.h>

namespace cedana {

std::string what_is_wrong_with(std::string_view text, const nlohmann::json::exception& error) {
    if (trim(text).empty())
        return "it is empty";
    if (const auto* failure = dynamic_cast<const nlohmann::json::parse_error*>(&error))
        return fmt::format("it is no JSON from byte {} on", failure->byte);
    // "[json.exception.out_of_range.403] key 'since' not found": the first word is the library's.
    std::string_view why = error.what();
    if (const std::size_t at = why.find("] "); dynamic_cast<const nlohmann::json::out_of_range*>(&error) != nullptr)
        return printable(why.substr(at == std::string_view::npos ? 0 : at + 2));
    return "a value in it is of another kind than it must be";
}

} // namespace cedana
