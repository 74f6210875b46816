// SPDX-License-Identifier: Apache-2.0
// Owners of what libarchive makes.
#pragma once

#include <memory>

#include <archive.h>
#include <archive_entry.h>

namespace cedana::containers {

struct FreeReader {
    void operator()(archive* reader) const noexcept { ::archive_read_free(reader); }
};
struct FreeWriter {
    void operator()(archive* writer) const noexcept { ::archive_write_free(writer); }
};
struct FreeEntry {
    void operator()(archive_entry* entry) const noexcept { ::archive_entry_free(entry); }
};
using ArchiveReader = std::unique_ptr<archive, FreeReader>;
using ArchiveWriter = std::unique_ptr<archive, FreeWriter>;
using ArchiveEntry = std::unique_ptr<archive_entry, FreeEntry>;

} // namespace cedana::containers
