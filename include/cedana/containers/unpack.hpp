// SPDX-License-Identifier: Apache-2.0
// A tar archive out of a checkpoint into a folder of a container. Nobody vouches for the archive: no path or link of it
// leads out of the folder, and what could harm the host beyond the container is refused unless its maker is trusted.
#pragma once

#include "cedana/base/signals.hpp"
#include "cedana/containers/root_folder.hpp"
#include "cedana/model/image_stream.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace cedana::containers {

// signed_by_trusted: devices, programs that change the user, and attributes of the kernel's (security.*, trusted.*) are
// made too.
enum class ArchiveTrust { nobody_vouches, signed_by_trusted };

// Removes these, as parse_removed() gives them.
void remove_files(const RootFolder& root, const std::vector<std::string>& removed);

// Unpacks the image over what is there: a file takes the place of whatever has its name. Throws
// Error(Fault::checkpoint) for what is refused, Error of the errno, Error(Fault::interrupted); what was unpacked until
// then stays.
void unpack(const RootFolder& root, ImageSource& source, const std::string& image, ArchiveTrust trust,
            const Interrupt& interrupt);

} // namespace cedana::containers
