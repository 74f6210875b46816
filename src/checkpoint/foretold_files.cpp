// SPDX-License-Identifier: Apache-2.0
#include "cedana/checkpoint/foretold_files.hpp"

#include "cedana/base/kernel_time.hpp"
#include "cedana/base/text.hpp"
#include "cedana/files/file_place.hpp"
#include "cedana/files/needed_room.hpp"
#include "cedana/process/written_files.hpp"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file_looks.hpp"

namespace cedana {

namespace {

std::string folder_of(const std::string& path) { return std::filesystem::path(path).parent_path().string(); }

bool is_unchanged(const CapturedFile& file, const struct ::stat& present) {
    return static_cast<std::uint64_t>(present.st_size) == file.size &&
           nanoseconds_of(present.st_mtim).count() == file.modified;
}

class Foretelling {
  public:
    Foretelling(const Manifest& manifest, const FileRules& rules, const Procfs& procfs)
        : manifest_(manifest), rules_(rules), procfs_(procfs) {}

    std::vector<Error> run() {
        for (const NamedPlace& place : manifest_.places)
            note([&] { look_at(place); });
        for (const CapturedFile& file : manifest_.files)
            note([&] { look_at(file); });
        note([&] { refuse_other_writers(); });
        note([&] { room_.require(); });
        return std::move(refused_);
    }

  private:
    // Each in a line of its own would fill a screen.
    template <typename Look>
    void note(Look&& look) {
        constexpr std::size_t k_most_told = 5;
        try {
            look();
        } catch (const Error& error) {
            if (refused_.size() < k_most_told)
                refused_.push_back(error);
        }
    }

    void look_at(const NamedPlace& place) {
        const auto above = missing_.find(folder_of(place.path));
        if (above != missing_.end()) {
            missing_.emplace(place.path, above->second);
        } else if (!is_there(place, rules_.root)) {
            require_writable_folder(FilePlace(place.path, rules_.root));
            missing_.emplace(place.path, place.path);
        }
    }

    void look_at(const CapturedFile& file) {
        if (const auto above = missing_.find(folder_of(file.path)); above != missing_.end())
            return look_at_new(file, FilePlace(above->second, rules_.root));
        const FilePlace place(file.path, rules_.root);
        if (!leases_)
            leases_.emplace();
        require_no_lease(place, *leases_);
        const UniqueFd present = place.open_present(O_RDONLY);
        if (!present)
            return look_at_new(file, place);
        struct ::stat info {};
        if (::fstat(present.get(), &info) != 0 || is_unchanged(file, info))
            return;
        if (file.entry.empty())
            return require_rest(file, static_cast<std::uint64_t>(info.st_size));
        require_changeable(file, present);
        require_writable_folder(place);
        room_.add(place, file.size);
        changing_.emplace(file_id(info), file.path);
    }

    // `place`: its own, or that of the first folder on the way that is missing.
    void look_at_new(const CapturedFile& file, const FilePlace& place) {
        if (file.entry.empty())
            return require_rest(file, std::nullopt);
        require_writable_folder(place);
        room_.add(place, file.size);
    }

    // What does not travel, and CRIU must find as it was. That it is the same cannot be said yet.
    static void require_rest(const CapturedFile& file, std::optional<std::uint64_t> size) {
        if (!file.is_open() || (size && *size >= file.size))
            return;
        throw Error(Fault::restore_failed,
                    fmt::format("{} does not go with the program, since it has {}, and {} here", printable(file.path),
                                human_bytes(file.size),
                                size ? fmt::format("has {}", human_bytes(*size)) : std::string("is missing")))
            .hint(
                fmt::format("--with-files {}, or raise files.capture_limit_mib where it runs", shell_word(file.path)));
    }

    // The original itself, where this is its host too.
    void refuse_other_writers() const {
        std::vector<FileId> files;
        for (const auto& [file, path] : changing_)
            files.push_back(file);
        std::vector<pid_t> tree;
        for (const ManifestProcess& process : manifest_.tree)
            tree.push_back(process.pid);
        const std::vector<OutsideWriter> writers = outside_writers(procfs_, files, tree, ::getpid());
        if (writers.empty())
            return;
        const OutsideWriter& one = writers.front();
        throw Error(Fault::restore_failed, fmt::format("cannot put {} here: process {} ({}) has it open for writing",
                                                       printable(changing_.at(one.file)), one.pid, printable(one.comm)))
            .hint(fmt::format("end that process first: pid {}", one.pid));
    }

    const Manifest& manifest_;
    const FileRules& rules_;
    const Procfs& procfs_;
    // What is to be made, with the first on its way that is.
    std::map<std::string, std::string> missing_;
    std::map<FileId, std::string> changing_;
    NeededRoom room_;
    // Of all files together: each look takes 10 ms.
    std::optional<LeasesAhead> leases_;
    std::vector<Error> refused_;
};

} // namespace

std::vector<Error> foretell_put_back(const Manifest& manifest, const FileRules& rules, const Procfs& procfs) {
    return Foretelling(manifest, rules, procfs).run();
}

} // namespace cedana
