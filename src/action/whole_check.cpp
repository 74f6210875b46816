// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/whole_check.hpp"

#include "cedana/action/checkpoint_reader.hpp"
#include "cedana/archive/checksums.hpp"
#include "cedana/archive/image_check.hpp"
#include "cedana/archive/zip_layout.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"

#include <map>
#include <string>

#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

Error damaged(const Checkpoint& checkpoint, const std::string& what) {
    return {Fault::checkpoint, fmt::format("{} is damaged: {}", printable(checkpoint.zip().path().string()), what)};
}

// The index and the log; what the manifest knows and the archive lacks is missed here.
void check_texts(const Checkpoint& checkpoint) {
    for (const auto& [name, digest] : checkpoint.manifest().digests)
        if (hex(sha256(checkpoint.zip().read(name, k_text_limit))) != digest)
            throw damaged(checkpoint,
                          fmt::format("{} does not have the digest that the manifest gives", printable(name)));
}

std::map<std::string, std::string> digests_of_files(const Manifest& manifest) {
    std::map<std::string, std::string> digests;
    for (const CapturedFile& file : manifest.files)
        if (!file.entry.empty())
            digests.emplace(file.entry, file.digest);
    return digests;
}

} // namespace

std::optional<Manifest> WholeCheck::run(const std::filesystem::path& path) {
    const Checkpoint checkpoint(path, keyring_);
    require_exact_layout(checkpoint.zip());
    check_texts(checkpoint);
    check_images({.zip = checkpoint.zip(),
                  .index = checkpoint.index(),
                  .folder = k_images_folder,
                  .threads = threads_,
                  .stop = stop_,
                  .bytes = bytes_});
    check_images({.zip = checkpoint.zip(),
                  .index = checkpoint.files_index(),
                  .folder = k_files_folder,
                  .digests = digests_of_files(checkpoint.manifest()),
                  .threads = threads_,
                  .stop = stop_,
                  .bytes = bytes_});
    return stop_ ? std::nullopt : std::optional(checkpoint.manifest());
}

} // namespace cedana
