// SPDX-License-Identifier: Apache-2.0
#include "cedana/containers/small_tar.hpp"

#include "cedana/base/error.hpp"

#include <algorithm>
#include <cstddef>

#include <spdlog/fmt/fmt.h>

#include <sys/stat.h>

#include "archives.hpp"

namespace cedana::containers {

namespace {

constexpr std::size_t k_block = 64UL * 1024;
constexpr la_int64_t k_largest_file_in_small = 64L * 1024 * 1024;

void require_small(archive* of, int result, const std::filesystem::path& path) {
    if (result < ARCHIVE_WARN)
        throw Error(Fault::environment, fmt::format("{}: {}", path.string(), ::archive_error_string(of)));
}

std::string content_of(archive* reader, archive_entry* entry, const std::filesystem::path& path) {
    if (::archive_entry_size(entry) > k_largest_file_in_small)
        throw Error(Fault::environment, fmt::format("{} holds a file that is too large", path.string()));
    std::string content(static_cast<std::size_t>(::archive_entry_size(entry)), '\0');
    const la_ssize_t size = ::archive_read_data(reader, content.data(), content.size());
    require_small(reader, static_cast<int>(std::min<la_ssize_t>(size, 0)), path);
    content.resize(static_cast<std::size_t>(size));
    return content;
}

void put_small(archive* writer, const std::string& name, mode_t mode, const std::string& content,
               const std::filesystem::path& path) {
    const ArchiveEntry entry(::archive_entry_new());
    ::archive_entry_set_pathname(entry.get(), name.c_str());
    ::archive_entry_set_mode(entry.get(), mode);
    ::archive_entry_set_size(entry.get(), static_cast<la_int64_t>(content.size()));
    require_small(writer, ::archive_write_header(writer, entry.get()), path);
    if (!content.empty())
        require_small(writer,
                      static_cast<int>(std::min<la_ssize_t>(
                          ::archive_write_data(writer, content.data(), content.size()), ARCHIVE_OK)),
                      path);
}

} // namespace

SmallFiles read_small_tar(const std::filesystem::path& path, const std::vector<std::string>& wanted) {
    const ArchiveReader reader(::archive_read_new());
    ::archive_read_support_format_tar(reader.get());
    require_small(reader.get(), ::archive_read_open_filename(reader.get(), path.c_str(), k_block), path);
    SmallFiles files;
    archive_entry* entry = nullptr;
    for (int result = 0; (result = ::archive_read_next_header(reader.get(), &entry)) != ARCHIVE_EOF;) {
        require_small(reader.get(), result, path);
        const char* const name = ::archive_entry_pathname(entry);
        if (name != nullptr && std::ranges::count(wanted, std::string(name)) != 0 &&
            S_ISREG(::archive_entry_mode(entry)))
            files[name] = content_of(reader.get(), entry, path);
    }
    return files;
}

void write_small_tar(const std::filesystem::path& path, const SmallFiles& files) {
    const ArchiveWriter writer(::archive_write_new());
    ::archive_write_set_format_pax_restricted(writer.get());
    require_small(writer.get(), ::archive_write_open_filename(writer.get(), path.c_str()), path);
    std::string folder;
    for (const auto& [name, content] : files) {
        if (const std::size_t slash = name.rfind('/'); slash != std::string::npos && name.substr(0, slash) != folder) {
            folder = name.substr(0, slash);
            put_small(writer.get(), folder, S_IFDIR | 0700, "", path);
        }
        put_small(writer.get(), name, S_IFREG | 0600, content, path);
    }
    require_small(writer.get(), ::archive_write_close(writer.get()), path);
}

} // namespace cedana::containers
