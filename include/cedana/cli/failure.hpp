// SPDX-License-Identifier: Apache-2.0
// How a command that failed says so: as text on stderr, or with --json as the one object on stdout.
#pragma once

#include "cedana/action/prove.hpp"
#include "cedana/base/error.hpp"
#include "cedana/cli/commands.hpp"

#include <optional>
#include <string_view>

#include <nlohmann/json.hpp>

namespace cedana {

// Thrown by a command that fails and has a result all the same, as `check`. With --json both are one object. As text
// the result is printed before.
struct FailedWithResult {
    Error error;
    nlohmann::ordered_json result;
};

// "no_process"
[[nodiscard]] std::string_view name_of(Fault fault);

// {fault, exit_code, message, steps, cause, hint, log}; null for what the error does not have.
[[nodiscard]] nlohmann::ordered_json to_json(const Error& error);

// {state, reasons, failure, seconds}, or null.
[[nodiscard]] nlohmann::ordered_json to_json(const std::optional<Proof>& proof);

// Prints the error, and with --json the fields of `result` behind it; returns the exit code. Where stdout cannot take
// it, the error is text on stderr.
int fail(const Error& error, Format format, const nlohmann::ordered_json& result = nlohmann::ordered_json::object());

} // namespace cedana
