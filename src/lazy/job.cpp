// SPDX-License-Identifier: Apache-2.0
#include "cedana/lazy/job.hpp"

namespace cedana {

namespace {

using Json = nlohmann::json;

std::string text_of(const Json& json) { return json.dump(-1, ' ', true, Json::error_handler_t::replace); }

} // namespace

std::string to_text(const Error& error) {
    return text_of({{"fault", static_cast<int>(error.fault())},
                    {"message", error.message()},
                    {"cause", error.cause()},
                    {"hint", error.hint()},
                    {"log", error.log()}});
}

std::optional<Error> parse_error(std::string_view text) {
    const Json json = Json::parse(text, nullptr, false);
    if (!json.is_object() || !json.contains("fault"))
        return std::nullopt;
    try {
        Error error(static_cast<Fault>(json.at("fault").get<int>()), json.at("message").get<std::string>());
        error.cause(json.at("cause").get<std::string>());
        error.hint(json.at("hint").get<std::string>());
        error.log(json.at("log").get<std::string>());
        return error;
    } catch (const Json::exception&) {
        return std::nullopt;
    }
}

} // namespace cedana
