// SPDX-License-Identifier: Apache-2.0
#include "cedana/checkpoint/whole_check.hpp"

#include "cedana/archive/image_check.hpp"
#include "cedana/archive/zip_layout.hpp"
#include "cedana/checkpoint/reader.hpp"

#include <map>
#include <string>

namespace cedana {

namespace {

std::map<std::string, std::string> digests_of_files(const Manifest& manifest) {
    std::map<std::string, std::string> digests;
    for (const CapturedFile& file : manifest.files)
        if (!file.entry.empty())
            digests.emplace(file.entry, file.digest);
    return digests;
}

} // namespace

std::optional<Manifest> WholeCheck::run(const std::filesystem::path& path, const std::function<void()>& pulse) {
    const Checkpoint checkpoint(path, keyring_);
    require_exact_layout(checkpoint.zip());
    checkpoint.check_texts();
    check_images({.zip = checkpoint.zip(),
                  .index = checkpoint.index(),
                  .folder = k_images_folder,
                  .sums = checkpoint.sums(),
                  .threads = threads_,
                  .stop = stop_,
                  .bytes = bytes_,
                  .pulse = pulse});
    check_images({.zip = checkpoint.zip(),
                  .index = checkpoint.files_index(),
                  .folder = k_files_folder,
                  .digests = digests_of_files(checkpoint.manifest()),
                  .threads = threads_,
                  .stop = stop_,
                  .bytes = bytes_,
                  .pulse = pulse});
    return stop_ ? std::nullopt : std::optional(checkpoint.manifest());
}

} // namespace cedana
