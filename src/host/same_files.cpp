// SPDX-License-Identifier: Apache-2.0
#include "cedana/host/same_files.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/file_id.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/files/remap_guard.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <set>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "listed_cause.hpp"

namespace cedana {

namespace {

// Where nearly every linker puts it; and BUILD_ID_MAP_SIZE of criu/files-reg.c.
constexpr std::size_t k_begin = 8UL * 1024;
constexpr std::size_t k_head = 1024UL * 1024;

template <typename Value>
std::optional<Value> value_at(std::string_view bytes, std::uint64_t offset) {
    if (offset > bytes.size() || bytes.size() - offset < sizeof(Value))
        return std::nullopt;
    Value value{};
    std::memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
}

std::uint64_t aligned(std::uint64_t size) {
    constexpr std::uint64_t k_word = 4;
    return (size + k_word - 1) / k_word * k_word;
}

// As CRIU, which goes by the type of a note and not by its name. Notes of both classes look the same.
std::string build_id_in_notes(std::string_view head, std::uint64_t offset, std::uint64_t size) {
    constexpr std::uint64_t k_most = 512;
    for (std::uint64_t at = offset; at - offset < size;) {
        const auto note = value_at<Elf64_Nhdr>(head, at);
        if (!note)
            return {};
        const std::uint64_t content = at + sizeof *note + aligned(note->n_namesz);
        if (note->n_type == NT_GNU_BUILD_ID) {
            if (note->n_descsz == 0 || note->n_descsz > k_most || content > head.size() ||
                head.size() - content < note->n_descsz)
                return {};
            std::string id(head.substr(content, note->n_descsz));
            id.resize(aligned(id.size()));
            return id;
        }
        at = content + aligned(note->n_descsz);
    }
    return {};
}

template <typename FileHeader, typename ProgramHeader>
std::string build_id_of_class(std::string_view head) {
    const auto file = value_at<FileHeader>(head, 0);
    for (unsigned i = 0; file && i < file->e_phnum; ++i) {
        const auto program = value_at<ProgramHeader>(head, file->e_phoff + i * sizeof(ProgramHeader));
        if (!program)
            break;
        if (program->p_type != PT_NOTE)
            continue;
        if (std::string id = build_id_in_notes(head, program->p_offset, program->p_filesz); !id.empty())
            return id;
    }
    return {};
}

// As far as it could be read.
std::optional<std::string> read_head(const std::filesystem::path& path, std::size_t most) {
    // A file that is no program's may be one that waits for somebody (a FIFO).
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOATIME));
    if (!file)
        return std::nullopt;
    std::string head(most, '\0');
    std::size_t size = 0;
    while (size < head.size()) {
        const ssize_t count = ::pread(file.get(), head.data() + size, head.size() - size, static_cast<off_t>(size));
        if (count <= 0)
            break;
        size += static_cast<std::size_t>(count);
    }
    head.resize(size);
    return head;
}

struct Comparing {
    bool build_ids = true;
    // The mode, with who may read, write and execute.
    bool permissions = true;
};

Comparing comparing_by(const std::vector<std::string>& arguments) {
    Comparing comparing;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string& one = arguments[i];
        if (one == "--file-validation=filesize" ||
            (one == "filesize" && i > 0 && arguments[i - 1] == "--file-validation"))
            comparing.build_ids = false;
        if (one == "--skip-file-rwx-check")
            comparing.permissions = false;
    }
    return comparing;
}

bool is_of_the_kernel(std::string_view path) { return path.starts_with("/proc/") || path.starts_with("/sys/"); }

std::optional<std::string> change_of(const criu::DumpedFile& file, const Comparing& comparing,
                                     const LeasesAhead& leases) {
    constexpr mode_t k_permissions = 0777;
    struct ::stat info {};
    // A link that is open itself (O_PATH | O_NOFOLLOW) is compared as such.
    const auto look = file.mode && S_ISLNK(*file.mode) ? ::lstat : ::stat;
    // Its size says that it is missing.
    if (is_of_the_kernel(file.path) || look(file.path.c_str(), &info) != 0)
        return std::nullopt;
    const mode_t ignored = comparing.permissions ? 0 : k_permissions;
    if (file.mode && (*file.mode & ~ignored) != (info.st_mode & ~ignored))
        return fmt::format("{}: had the mode {:o}, has {:o}", printable(file.path), *file.mode, info.st_mode);
    if (!comparing.build_ids || file.build_id.empty() || !S_ISREG(info.st_mode))
        return std::nullopt;
    const auto present = build_id_of(file.path, leases);
    if (!present || present->empty() || *present == file.build_id)
        return std::nullopt;
    return fmt::format("{}: is another build of the same program or library (its build-ID is not the same)",
                       printable(file.path));
}

// What must be there for a name that CRIU gave to a file which had lost its own: that name, the one under which the
// file waits, or the one from which it is made anew. Empty if the file is put back.
std::string needed_name(const std::string& link, const Manifest& manifest) {
    const auto remap =
        std::ranges::find_if(manifest.link_remaps, [&](const LinkRemap& one) { return one.link == link; });
    if (remap != manifest.link_remaps.end() && !remap->waits.empty())
        return remap->waits;
    const std::string& needed = remap != manifest.link_remaps.end() && !remap->name.empty() ? remap->name : link;
    const bool is_put_back = std::ranges::any_of(
        manifest.files, [&](const CapturedFile& file) { return file.path == needed && !file.entry.empty(); });
    return is_put_back ? std::string() : needed;
}

} // namespace

std::string build_id_in(std::string_view head) {
    if (head.size() <= EI_CLASS || !head.starts_with(ELFMAG))
        return {};
    if (head[EI_CLASS] == ELFCLASS32)
        return build_id_of_class<Elf32_Ehdr, Elf32_Phdr>(head);
    if (head[EI_CLASS] == ELFCLASS64)
        return build_id_of_class<Elf64_Ehdr, Elf64_Phdr>(head);
    return {};
}

std::optional<std::string> build_id_of(const std::filesystem::path& path, const LeasesAhead& leases) {
    struct ::stat info {};
    if (::stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode) || lease_broken_by_reading(leases.get(), info))
        return std::nullopt;
    for (const std::size_t most : {k_begin, k_head}) {
        const auto head = read_head(path, most);
        if (!head)
            return std::nullopt;
        if (std::string id = build_id_in(*head); !id.empty() || head->size() < most)
            return id;
    }
    return std::string();
}

std::vector<std::string> changed_files(const RestoreNeeds& needs, const Manifest& manifest,
                                       const std::vector<std::string>& criu_arguments, const LeasesAhead& leases) {
    std::vector<std::string> changed;
    if (needs.own_mounts)
        return changed;
    const Comparing comparing = comparing_by(criu_arguments);
    // Those that are put back get their mode and their content with that.
    std::set<std::string_view> reported;
    for (const CapturedFile& file : manifest.files)
        reported.insert(file.path);
    for (const criu::DumpedFile& file : needs.files)
        if (!file.is_external && !is_in_private_folder(manifest.unit_entries, file.path) &&
            reported.insert(file.path).second)
            if (auto change = change_of(file, comparing, leases))
                changed.push_back(std::move(*change));
    for (const std::string& link : needs.links)
        if (const std::string needed = needed_name(link, manifest); !needed.empty() && !is_there_or_kept(needed))
            changed.push_back(
                fmt::format("{}: is gone; it was {} of a file that the tree had open and whose own name was removed",
                            printable(needed),
                            is_remap_name(needed.substr(needed.rfind('/') + 1)) ? "the only name" : "another name"));
    return changed;
}

void require_same_files(const RestoreNeeds& needs, const Manifest& manifest,
                        const std::vector<std::string>& criu_arguments, const LeasesAhead& leases) {
    std::vector<std::string> changed = changed_files(needs, manifest, criu_arguments, leases);
    if (changed.empty())
        return;
    throw Error(Fault::environment,
                fmt::format("{} cannot run here: files are not those that it had", printable(manifest.name)))
        .cause(listed_cause(std::move(changed)))
        .hint("install the same versions of the programs here, and bring the files back as they were");
}

} // namespace cedana
