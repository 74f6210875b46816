// SPDX-License-Identifier: Apache-2.0
// Whether files are those that were dumped, as CRIU compares them when it opens them (criu/files-reg.c, validate_file):
// by build-ID and mode. Their sizes, and whether they are there, fit.hpp compares.
#pragma once

#include "cedana/base/leases.hpp"
#include "cedana/checkpoint/restore_needs.hpp"
#include "cedana/model/manifest.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cedana {

// The build-ID of an ELF file, as CRIU finds it: in the first MiB, filled up with zeros to whole words. Empty if it has
// none. `head`: that MiB.
[[nodiscard]] std::string build_id_in(std::string_view head);
// Absent if the file cannot be read, or must not be: a process has a lease on it, which would be broken.
[[nodiscard]] std::optional<std::string> build_id_of(const std::filesystem::path& path, const LeasesAhead& leases);

// One sentence for each file that is another one, and for each name of CRIU's that is gone. `criu_arguments`: those
// that tell CRIU not to compare are heeded.
[[nodiscard]] std::vector<std::string> changed_files(const RestoreNeeds& needs, const Manifest& manifest,
                                                     const std::vector<std::string>& criu_arguments,
                                                     const LeasesAhead& leases);

// Throws Error(Fault::environment) with all of them.
void require_same_files(const RestoreNeeds& needs, const Manifest& manifest,
                        const std::vector<std::string>& criu_arguments, const LeasesAhead& leases);

} // namespace cedana
