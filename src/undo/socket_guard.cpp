// SPDX-License-Identifier: Apache-2.0
#include "cedana/undo/socket_guard.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/process/procfs.hpp"
#include "cedana/process/socket_holders.hpp"

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

// One folder, so that no name leads out of it whatever becomes of its path.
class SocketPlace {
  public:
    // Throws Error.
    explicit SocketPlace(const fs::path& path)
        : folder_(open_file(path.has_parent_path() ? path.parent_path() : fs::path("."), O_PATH | O_DIRECTORY)),
          name_(path.filename().string()) {}

    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] std::optional<FileId> file(const std::string& name) const { return file_id_at(folder_.get(), name); }
    [[nodiscard]] bool has_socket() const {
        struct ::stat info {};
        return ::fstatat(folder_.get(), name_.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK(info.st_mode);
    }
    // Of the link itself, if it is one: that is what CRIU removes. False if that file system has no second names.
    [[nodiscard]] bool link(const std::string& to) const {
        return ::linkat(folder_.get(), name_.c_str(), folder_.get(), to.c_str(), 0) == 0;
    }
    [[nodiscard]] bool rename_over(const std::string& from) const {
        return ::renameat(folder_.get(), from.c_str(), folder_.get(), name_.c_str()) == 0;
    }
    void remove_if(const std::string& name, const FileId& wanted) const {
        if (file(name) == wanted)
            ::unlinkat(folder_.get(), name.c_str(), 0);
    }

  private:
    UniqueFd folder_;
    std::string name_;
};

// UNIX_GHOST_FMT of criu/sk-unix.c: where it puts for a moment what has a name that its socket had lost.
constexpr const char* k_parked = ".criu-sk-ghost";

} // namespace

SocketGuard::SocketGuard(const std::vector<SocketPath>& paths, const fs::path& journal) {
    std::set<std::string> seen;
    for (const SocketPath& one : paths) {
        const fs::path path = one.path;
        const auto file = file_id_at(AT_FDCWD, one.path);
        if (!file || !seen.insert(one.path).second)
            continue;
        kept_.push_back({.socket = one,
                         .name = fmt::format(".cedana-kept-{}-{}", ::getpid(), path.filename().string()),
                         .file = *file});
    }
    if (kept_.empty())
        return;
    write(journal, kept_);
    for (const Kept& kept : kept_) {
        const SocketPlace place(kept.socket.path);
        // What a killed cedana of the same pid has left.
        place.remove_if(kept.name, kept.file);
        if (!place.link(kept.name))
            spdlog::warn("{} would be lost if the restore fails: it cannot be given a second name: {}",
                         printable(kept.socket.path), errno_text(errno));
    }
}

SocketGuard::~SocketGuard() {
    for (const Kept& kept : kept_) {
        try {
            finish(kept, false);
        } catch (const std::exception& error) {
            spdlog::warn("{} could not be put back: {}", printable(kept.socket.path), error.what());
        }
    }
}

void SocketGuard::commit() noexcept {
    for (const Kept& kept : kept_) {
        try {
            finish(kept, true);
        } catch (const std::exception& error) {
            spdlog::warn("a second name of {} stays: {}", printable(kept.socket.path), error.what());
        }
    }
    kept_.clear();
}

void SocketGuard::finish_killed(const fs::path& journal, bool tree_ran) {
    for (const Kept& kept : read(journal))
        finish(kept, tree_ran);
}

// Where the present file is another one it is the tree's, dead with it, or somebody's who lives and keeps it.
void SocketGuard::finish(const Kept& kept, bool tree_runs) {
    const SocketPlace place(kept.socket.path);
    if (place.file(kept.name) != kept.file)
        return;
    place.remove_if(place.name() + k_parked, kept.file);
    const auto present = place.file(place.name());
    const bool is_theirs =
        present && (tree_runs || !place.has_socket() || !holders_of_path(Procfs(), kept.socket.path).empty());
    if (present == kept.file || is_theirs || (tree_runs && kept.socket.is_made_anew))
        return place.remove_if(kept.name, kept.file);
    if (!place.rename_over(kept.name))
        throw OsFailure(Fault::storage).error("cannot rename {} to it", printable(kept.name));
}

// Fields with a NUL behind each, which no path holds.
void SocketGuard::write(const fs::path& journal, const std::vector<Kept>& kept) {
    std::string text;
    for (const Kept& one : kept)
        text += fmt::format("{}{}{}{}{}{}{}{}{}{}", one.socket.path, '\0', one.socket.is_made_anew ? '1' : '0', '\0',
                            one.name, '\0', one.file.device, '\0', one.file.inode, '\0');
    const UniqueFd file = open_file(journal, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    write_all(file.get(), text, journal);
}

std::vector<SocketGuard::Kept> SocketGuard::read(const fs::path& journal) {
    constexpr std::size_t k_fields = 5;
    std::vector<Kept> kept;
    std::error_code ignored;
    if (!fs::exists(journal, ignored))
        return kept;
    const std::vector<std::string> fields = split(read_file(journal), '\0');
    const auto number = [](const std::string& text) {
        std::uint64_t value = 0;
        std::from_chars(text.data(), text.data() + text.size(), value);
        return value;
    };
    for (std::size_t at = 0; at + k_fields < fields.size(); at += k_fields)
        kept.push_back({.socket = {.path = fields[at], .is_made_anew = fields[at + 1] == "1"},
                        .name = fields[at + 2],
                        .file = {.device = number(fields[at + 3]), .inode = number(fields[at + 4])}});
    return kept;
}

} // namespace cedana
