// SPDX-License-Identifier: Apache-2.0
// What the commands for jobs share.
#pragma once

#include "cedana/model/loaded_config.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace cedana {

// The folder of a job, made if it is not there. Throws Error(Fault::permission) where others could change it.
[[nodiscard]] std::filesystem::path open_job_folder(const std::optional<std::filesystem::path>& store,
                                                    const std::string& name, const LoadedConfig& config);

// Root goes by what is in such a folder. Throws Error(Fault::permission) where others could change it, or the caller
// could whom sudo does not let be root.
void require_trusted_job(const LoadedConfig& config, const std::filesystem::path& folder);

// Throws Error(Fault::usage) if there is no such job in the store.
void require_job(const std::filesystem::path& store, const std::string& name);

// "the next run goes on from FILE of TIME", of what an end says of that.
[[nodiscard]] std::string next_run_text(const nlohmann::ordered_json& more);

// A line of a job's history, for people; empty for what they need not know.
[[nodiscard]] std::string event_text(std::string_view event, const nlohmann::ordered_json& more);

} // namespace cedana
