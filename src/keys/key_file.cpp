// SPDX-License-Identifier: Apache-2.0
#include "cedana/keys/key_file.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/file_reads.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/trusted_path.hpp"
#include "cedana/base/unique_fd.hpp"

#include <cerrno>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t k_largest = 1024UL * 1024;

void require_hidden(const fs::path& path, const struct ::stat& info) {
    const std::string shown = printable(path.string());
    if ((info.st_mode & 077U) != 0)
        throw Error(Fault::permission, fmt::format("the key file {} (owner {}, mode {:04o}) is open to others", shown,
                                                   info.st_uid, info.st_mode & 07777U))
            .hint(fmt::format("chmod 600 {}", shell_word(path.string())));
}

} // namespace

SecretBytes read_key_file(KeyFile kind, const fs::path& path, std::string_view setting) {
    // Before it is opened: what only the trusted can change stays what it is.
    require_trusted(path, "the key file", root_and(::geteuid(), ::getegid()));
    // O_NONBLOCK: a FIFO of this name must not hold us up.
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!fd)
        throw OsFailure(Fault::usage)
            .error("cannot open the key file {}", printable(path.string()))
            .hint(fmt::format("{} names it", setting));
    struct ::stat info {};
    if (::fstat(fd.get(), &info) != 0)
        throw OsFailure().error("cannot look at {}", path.string());
    const auto size = static_cast<std::size_t>(info.st_size);
    if (!S_ISREG(info.st_mode) || size > k_largest)
        throw Error(Fault::usage, fmt::format("{} is no file of a key", printable(path.string())))
            .hint(fmt::format("{} names it", setting));
    if (kind == KeyFile::secret)
        require_hidden(path, info);
    SecretBytes content(size);
    content.shorten(read_in_full(fd.get(), content.bytes(), path));
    return content;
}

void create_key_file(KeyFile kind, const fs::path& path, std::span<const std::byte> content) {
    const mode_t mode = kind == KeyFile::secret ? 0600 : 0644;
    UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd) {
        const int err = errno;
        if (err == EEXIST)
            throw Error(Fault::usage,
                        fmt::format("{} exists already, and keys are never overwritten", printable(path.string())))
                .hint("choose another name");
        throw os_error(err, fmt::format("cannot create {}", printable(path.string())), Fault::storage);
    }
    RemoveOnFailure leftover(path);
    if (::fchmod(fd.get(), mode) != 0)
        throw OsFailure(Fault::storage).error("cannot set the mode of {}", path.string());
    write_all(fd.get(), content, path);
    sync_file(fd.get(), path);
    close_checked(std::move(fd), path);
    leftover.commit();
}

} // namespace cedana
