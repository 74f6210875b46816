// SPDX-License-Identifier: Apache-2.0
// Whether the container of an archive is byte for byte the one that ZipWriter makes around its entries: one behind the
// other from the first byte on, the directory behind the last, and nothing before, between or after. What reading an
// archive never looks at (times, attributes, versions, the headers in front of entries) is compared too, so that no
// changed byte of it goes unseen.
#pragma once

#include "cedana/archive/zip_reader.hpp"

namespace cedana {

// Reads everything but the data of the entries. Throws Error(Fault::checkpoint) that names the first place that
// differs.
void require_exact_layout(const ZipReader& zip);

} // namespace cedana
