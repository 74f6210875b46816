// SPDX-License-Identifier: Apache-2.0
// How an engine is told once that cedana is a runtime: an entry in its file of settings. By that alone no container
// changes: one is restored by it where it is asked for.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace cedana::containers {

// Those that know other runtimes by their settings alone.
enum class SetUpEngine { docker, containerd };
// Throws Error(Fault::usage) for another name.
[[nodiscard]] SetUpEngine parse_set_up_engine(std::string_view name);

// The settings (JSON, TOML) with the entry, and all else as it was; the same text where it is there already. Empty: of
// an engine without a file. Pure. Throw Error(Fault::environment) for a file that cannot be read, or has another entry
// of the name.
[[nodiscard]] std::string with_docker_runtime(const std::string& settings, const std::string& program);
[[nodiscard]] std::string with_containerd_runtime(const std::string& settings, const std::string& program);

struct RuntimeSetUp {
    std::filesystem::path file;
    // As it was and as it is to be.
    std::string before;
    std::string after;
    // "systemctl reload docker"
    std::string reload;

    [[nodiscard]] bool is_done() const { return before == after; }
};

// Looks; changes nothing. `file`: in place of the engine's own one; empty: that. Throws Error, as with
// Error(Fault::environment) where the link to this program that engines start is not there.
[[nodiscard]] RuntimeSetUp plan_set_up(SetUpEngine engine, const std::filesystem::path& file);
// Writes the file, with the mode that it had.
void carry_out(const RuntimeSetUp& plan);

} // namespace cedana::containers
