// SPDX-License-Identifier: Apache-2.0
// What the parts of the manifest share when they are read: values that are not what they should be are refused with
// Error(Fault::checkpoint), since a manifest may come from anybody.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include <sys/types.h>

namespace cedana {

// Written in the order in which it was put together.
using Json = nlohmann::ordered_json;

[[noreturn]] void refuse_manifest(const std::string& what);

// `features`: those that a manifest requires, of which each must be among `known`.
void require_version(std::int64_t version, const std::vector<std::string>& features,
                     std::span<const std::string_view> known);
// Whatever shows a value of the manifest in a message goes down into it by recursion.
void require_depth(int depth);
// The same of a text that is not parsed yet. It need not be JSON.
void require_depth_of(std::string_view text);

// Throws for what Linux gives to no process.
[[nodiscard]] pid_t to_pid(std::uint64_t number);

// nlohmann would make a number of a negative one, a fraction or a boolean too.
[[nodiscard]] std::uint64_t number_of(const Json& json, std::uint64_t most = UINT64_MAX);
// nlohmann takes null for an empty list.
[[nodiscard]] const Json& list_of(const Json& json);

[[nodiscard]] bool is_hexadecimal(std::string_view text);
[[nodiscard]] std::string to_hexadecimal(std::string_view bytes);
[[nodiscard]] std::string from_hexadecimal(std::string_view text);
// "path" as it can be read, and "path_hex" beside it where it is not UTF-8: paths are bytes.
void put_path(Json& object, const std::string& path);
// An absolute path without empty steps, "." and "..".
[[nodiscard]] std::string path_of(const Json& object);

} // namespace cedana
