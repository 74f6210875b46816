// SPDX-License-Identifier: Apache-2.0
#include "support/made_checkpoint.hpp"

#include "cedana/archive/frame_pool.hpp"
#include "cedana/archive/image_writer.hpp"
#include "cedana/archive/zip_writer.hpp"
#include "cedana/base/checksums.hpp"
#include "cedana/base/files.hpp"
#include "cedana/host/description.hpp"
#include "cedana/keys/signature.hpp"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include <fcntl.h>

namespace cedana::testing {

namespace {

constexpr std::uint64_t k_memory = 64UL * 1024 * 1024;

void feed(ImageWriter& writer, const std::string& name, std::string_view content) {
    const int image = writer.begin(name);
    while (!content.empty()) {
        const std::span<std::byte> space = writer.space(image);
        const std::size_t count = std::min(space.size(), content.size());
        std::ranges::copy(std::as_bytes(std::span(content.substr(0, count))), space.begin());
        writer.filled(image, count);
        content.remove_prefix(count);
    }
    writer.end(image);
}

// The archive's writer, and how each of its entries is made.
class Maker {
  public:
    Maker(const std::filesystem::path& path, Method method)
        : fd_(open_file(path, O_RDWR | O_CREAT | O_EXCL, 0600)), zip_(fd_.get(), path), method_(method) {}

    FrameIndex add(const std::string& folder, const std::map<std::string, std::string>& contents) {
        ImageWriter writer(zip_, pool_, {.method = method_, .threads = 1, .folder = folder});
        for (const auto& [name, content] : contents)
            feed(writer, name, content);
        FrameIndex index = writer.finish(Interrupt::none());
        sums_ = writer.sums();
        return index;
    }
    // Of what was added last.
    [[nodiscard]] const FrameSums& sums() const { return sums_; }

    void add_text(const std::string& name, const std::string& content, Method method = Method::deflate) {
        std::vector<NamedEntry> entries;
        entries.push_back({.name = name, .source = memory_entry(content, method, 9)});
        zip_.write(std::move(entries));
    }

  private:
    UniqueFd fd_;
    ZipWriter zip_;
    FramePool pool_{k_memory, 0};
    Method method_;
    FrameSums sums_;
};

std::string digest_of(const std::string& content) { return hex(sha256(std::string_view(content))); }

void add_files(Maker& maker, Manifest& manifest, const std::map<std::string, std::string>& files) {
    std::map<std::string, std::string> entries;
    for (const auto& [path, content] : files) {
        const std::string entry = std::to_string(entries.size());
        entries.emplace(entry, content);
        manifest.files.push_back(
            {.path = path, .entry = entry, .size = content.size(), .digest = digest_of(content), .mode = 0600});
    }
    if (entries.empty())
        return;
    const std::string index = write_index(maker.add(k_files_folder, entries));
    manifest.digests[k_files_index_entry] = digest_of(index);
    maker.add_text(k_files_index_entry, index);
}

} // namespace

Manifest plain_manifest() {
    // No process ever gets the highest pid.
    constexpr pid_t k_pid = 4 * 1024 * 1024;
    return {.created = "2026-11-22T16:45:10Z",
            .cedana_version = "0",
            .criu_version = "4.2",
            .host = describe_host(),
            .name = "made",
            .leave_running = false,
            .criu_options = {},
            .tree = {{.pid = k_pid,
                      .parent = 1,
                      .comm = "made",
                      .executable = "/bin/made",
                      .command_line = {"made"},
                      .threads = {k_pid}}},
            .digests = {},
            .timings = {}};
}

CheckpointParts parts_of_podmans_container() {
    return {.texts = {{"container/podman/config.dump", "{}"}, {"container/podman/spec.dump", "{}"}},
            .change = [](Manifest& manifest) {
                manifest.required_features = {std::string(k_in_container)};
                manifest.container =
                    ContainerRecord{.engine = "podman", .runtime = "runc", .id = "4e87063a369a", .name = "web"};
            }};
}

void make_checkpoint(const std::filesystem::path& path, const CheckpointParts& parts) {
    Maker maker(path, parts.method);
    Manifest manifest = plain_manifest();
    const FrameIndex index = maker.add(k_images_folder, parts.images);
    manifest.images = index.images.size();
    for (const ImageRecord& image : index.images)
        manifest.bytes_images += image.size;
    const std::string sums = parts.sums(write_sums(maker.sums()));
    add_files(maker, manifest, parts.files);
    const std::string log = "(00.000001) Version: 4.2\n";
    const std::string index_text = write_index(index);
    manifest.digests[k_dump_log_entry] = digest_of(log);
    manifest.digests[k_index_entry] = digest_of(index_text);
    maker.add_text(k_dump_log_entry, log);
    maker.add_text(k_index_entry, index_text);
    if (!sums.empty()) {
        manifest.digests[k_sums_entry] = digest_of(sums);
        maker.add_text(k_sums_entry, sums);
    }
    for (const auto& [name, content] : parts.texts) {
        manifest.digests[name] = digest_of(content);
        maker.add_text(name, content);
    }
    parts.change(manifest);
    std::string text = write_manifest(manifest);
    parts.rewrite(text);
    maker.add_text(k_manifest_entry, text);
    if (const std::string signature = parts.sign(text); !signature.empty())
        maker.add_text(k_signature_entry, signature, Method::store);
}

} // namespace cedana::testing
