// SPDX-License-Identifier: Apache-2.0
// What this host is, as a manifest says it.
#pragma once

#include "cedana/model/manifest.hpp"

namespace cedana {

// Name, kernel, machine and CPU.
[[nodiscard]] ManifestHost describe_host();

} // namespace cedana
