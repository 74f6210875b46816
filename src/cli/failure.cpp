// SPDX-License-Identifier: Apache-2.0
#include "cedana/cli/failure.hpp"

#include "cedana/cli/output.hpp"

#include <string>

namespace cedana {

namespace {

using Json = nlohmann::ordered_json;

// Whether stdout took it.
bool print_on_stdout(const Json& json) {
    try {
        print_json(json);
        return true;
    } catch (const ReaderGone&) {
        return false;
    } catch (const Error&) {
        return false;
    }
}

} // namespace

std::string_view name_of(Fault fault) {
    switch (fault) {
    case Fault::usage:
        return "usage";
    case Fault::no_process:
        return "no_process";
    case Fault::permission:
        return "permission";
    case Fault::environment:
        return "environment";
    case Fault::dump_failed:
        return "dump_failed";
    case Fault::restore_failed:
        return "restore_failed";
    case Fault::checkpoint:
        return "checkpoint";
    case Fault::storage:
        return "storage";
    case Fault::process_lost:
        return "process_lost";
    case Fault::target_refused:
        return "target_refused";
    case Fault::connection:
        return "connection";
    case Fault::outcome_unknown:
        return "outcome_unknown";
    case Fault::interrupted:
        return "interrupted";
    case Fault::internal:
        break;
    }
    return "internal";
}

Json to_json(const Error& error) {
    return {{"fault", name_of(error.fault())},      {"exit_code", static_cast<int>(error.fault())},
            {"message", error.message()},           {"steps", error.steps()},
            {"cause", text_or_null(error.cause())}, {"hint", text_or_null(hint_of(error))},
            {"log", text_or_null(error.log())}};
}

Json to_json(const std::optional<Proof>& proof) {
    if (!proof)
        return nullptr;
    return {{"state", name_of(proof->state)},
            {"reasons", proof->reasons},
            {"failure", proof->failure ? to_json(*proof->failure) : Json(nullptr)},
            {"seconds", proof->seconds}};
}

int fail(const Error& error, Format format, const Json& result) {
    Json json = to_json(error);
    json.update(result);
    if (format == Format::text || !print_on_stdout(json))
        print_error(error);
    return static_cast<int>(error.fault());
}

} // namespace cedana
