// SPDX-License-Identifier: Apache-2.0
#include "support/synthetic_checkpoint.hpp"

#include "cedana/archive/frame_index.hpp"
#include "cedana/archive/zip_writer.hpp"
#include "cedana/base/checksums.hpp"
#include "cedana/base/files.hpp"

#include <span>
#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>

namespace cedana::testing {

namespace {

constexpr const char* k_image = "inventory.img";

// Stored, so that the one frame of the index is the content itself.
std::string index_of(const std::string& content) {
    const auto bytes = std::as_bytes(std::span(content));
    ImageRecord record{
        .name = k_image, .method = Method::store, .size = content.size(), .crc = crc32_of(bytes), .frames = {}};
    append_frame(record, static_cast<std::uint32_t>(content.size()), static_cast<std::uint32_t>(content.size()),
                 sha256(bytes));
    FrameIndex index;
    index.images.insert(std::move(record));
    return write_index(index);
}

NamedEntry entry(const std::string& name, const std::string& content, Method method) {
    return {.name = name, .source = memory_entry(content, method, 1)};
}

} // namespace

Manifest plausible_manifest(const std::string& name, pid_t pid, const std::string& created) {
    Manifest manifest{.created = created,
                      .cedana_version = "0.1.0",
                      .criu_version = "4.2.1",
                      .host = {.name = "elsewhere",
                               .kernel = "6.1.0",
                               .machine = "x86_64",
                               .cpu_model = "a processor",
                               .cpu_flags = {}},
                      .name = name,
                      .criu_options = {},
                      .tree = {{.pid = pid,
                                .parent = 1,
                                .start_time = 4242,
                                .comm = name,
                                .executable = "/usr/bin/" + name,
                                .command_line = {"/usr/bin/" + name, "--serve"},
                                .threads = {pid},
                                .resident_bytes = 8 * 1024 * 1024}},
                      .digests = {},
                      .timings = {{"prepare", 0.02}, {"capture", 0.1}, {"files", 0.01}, {"resume", 0.001}}};
    for (int i = 0; i < 120; ++i)
        manifest.host.cpu_flags.push_back(fmt::format("flag_{}", i));
    for (int i = 0; i < 40; ++i)
        manifest.required_files.push_back({.path = fmt::format("/usr/lib/x86_64-linux-gnu/library-{}.so.6", i),
                                           .kind = RequiredKind::file,
                                           .size = 100'000});
    return manifest;
}

void write_checkpoint(const std::filesystem::path& path, Manifest manifest, const std::string& content) {
    const std::string index = index_of(content);
    const std::string log = "(00.000000) a log\n";
    manifest.images = 1;
    manifest.bytes_images = content.size();
    manifest.digests = {{k_index_entry, hex(sha256(std::string_view(index)))},
                        {k_dump_log_entry, hex(sha256(std::string_view(log)))}};
    const UniqueFd file = open_file(path, O_RDWR | O_CREAT | O_EXCL, 0600);
    ZipWriter zip(file.get(), path);
    std::vector<NamedEntry> entries;
    entries.push_back(entry(std::string(k_images_folder) + k_image, content, Method::store));
    entries.push_back(entry(k_dump_log_entry, log, Method::deflate));
    entries.push_back(entry(k_index_entry, index, Method::deflate));
    entries.push_back(entry(k_manifest_entry, write_manifest(manifest), Method::deflate));
    zip.write(std::move(entries));
}

} // namespace cedana::testing
