// SPDX-License-Identifier: Apache-2.0
#include "cedana/checkpoint/file_capture.hpp"

#include "cedana/base/checksums.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/file_reads.hpp"
#include "cedana/base/memory.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/units.hpp"
#include "cedana/files/content_digest.hpp"
#include "cedana/files/private_copy.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>
#include <utility>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

// Copies in memory, beside the buffer of the images.
constexpr std::uint64_t k_most_memory = 512 * k_mib;
// Read from a frozen tree's large files for their digests, which takes a third of a second.
constexpr std::uint64_t k_most_hashed_frozen = 512 * k_mib;

std::int64_t nanoseconds(const timespec& time) { return time.tv_sec * 1'000'000'000 + time.tv_nsec; }

std::uint64_t size_of(const struct ::stat& info) { return static_cast<std::uint64_t>(info.st_size); }

UniqueFd open_for_reading(const std::string& path) {
    const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    UniqueFd fd(::open(path.c_str(), flags | O_NOATIME));
    if (!fd && errno == EPERM)
        fd = UniqueFd(::open(path.c_str(), flags));
    return fd;
}

CapturedFile describe_file(const WrittenFile& written, const struct ::stat& info) {
    return {.path = written.path,
            .size = size_of(info),
            .mode = info.st_mode & 07777,
            .owner = info.st_uid,
            .group = info.st_gid,
            .accessed = nanoseconds(info.st_atim),
            .modified = nanoseconds(info.st_mtim),
            .uses = written.uses};
}

void wait_for_space(const ImageWriter& archive, const Interrupt& interrupt) {
    std::array<pollfd, 2> set = {{{archive.space_ready(), POLLIN, 0}, {interrupt.fd(), POLLIN, 0}}};
    if (::poll(set.data(), set.size(), -1) < 0 && errno != EINTR)
        throw OsFailure().error("cannot poll");
    std::uint64_t count = 0;
    if (set[0].revents != 0 && ::read(archive.space_ready(), &count, sizeof count) < 0)
        return;
}

// Fills in the digest, and the size if the file was cut by somebody outside.
void copy_to_archive(int fd, CapturedFile& file, ImageWriter& archive, const Interrupt& interrupt) {
    const int image = archive.begin(file.entry);
    Sha256Stream digest;
    std::uint64_t done = 0;
    while (done < file.size) {
        interrupt.throw_if_pending();
        const std::span<std::byte> space = archive.space(image);
        if (space.empty()) {
            wait_for_space(archive, interrupt);
            continue;
        }
        const auto part = space.first(std::min<std::uint64_t>(space.size(), file.size - done));
        const std::size_t count = read_at(fd, done, part, fmt::format("the copy of {}", file.path));
        if (count == 0)
            break;
        digest.add(part.first(count));
        archive.filled(image, count);
        done += count;
    }
    archive.end(image);
    file.size = done;
    file.digest = hex(digest.finish());
}

} // namespace

FileCapture::FileCapture(const Config& config, fs::path folder) : config_(config), folder_(std::move(folder)) {}

std::uint64_t FileCapture::limit() const { return static_cast<std::uint64_t>(config_.files_capture_limit_mib) * k_mib; }

std::uint64_t FileCapture::look(const Procfs& procfs, const ProcessTree& tree, const WrittenFiles& written) {
    if (config_.files_capture == Capture::none)
        return 0;
    std::uint64_t bytes = 0;
    for (const WrittenFile& file : written.files) {
        if (size_of(file.info) <= limit())
            bytes += size_of(file.info);
        if (const UniqueFd fd = open_for_reading(file.path))
            CopySpace::prepare(fd.get(), file.path, size_of(file.info));
    }
    warn_of_outside_writers(procfs, tree, written);
    return bytes;
}

void FileCapture::warn_of_outside_writers(const Procfs& procfs, const ProcessTree& tree, const WrittenFiles& written) {
    std::vector<FileId> ids;
    for (const WrittenFile& file : written.files)
        ids.push_back(file_id(file.info));
    std::vector<pid_t> pids;
    for (const TreeProcess& process : tree.processes)
        pids.push_back(process.pid());
    for (const OutsideWriter& writer : outside_writers(procfs, ids, pids, ::getpid())) {
        if (!told_writers_.emplace(writer.file, writer.pid).second)
            continue;
        const auto file = std::ranges::find(ids, writer.file) - ids.begin();
        spdlog::warn("{} is also open for writing by process {} ({}), which is not part of the tree: a restore takes "
                     "back what that one writes from now on too",
                     printable(written.files[static_cast<std::size_t>(file)].path), writer.pid, printable(writer.comm));
    }
}

void FileCapture::take(const WrittenFiles& written, const Interrupt& interrupt) {
    if (config_.files_capture == Capture::none)
        return;
    CopySpace space(folder_, std::min(k_most_memory, available_memory() / 8));
    for (const WrittenFile& file : written.files) {
        interrupt.throw_if_pending();
        take_one(file, space, interrupt);
    }
    for (const std::string& path : written.unseen)
        warnings_.push_back(
            fmt::format("{} is written to by the tree, but something else or nothing is seen there from here; "
                        "it is not captured",
                        printable(path)));
}

void FileCapture::take_one(const WrittenFile& written, CopySpace& space, const Interrupt& interrupt) {
    UniqueFd file = open_for_reading(written.path);
    const int err = errno;
    struct ::stat info = written.info;
    if (file && ::fstat(file.get(), &info) == 0 && file_id(info) != file_id(written.info)) {
        warnings_.push_back(
            fmt::format("{} was moved away during the dump; it is not captured", printable(written.path)));
        return;
    }
    Taken taken{.file = describe_file(written, info), .content = {}};
    if (!file) {
        warnings_.push_back(fmt::format("{} cannot be captured: {}", printable(written.path), errno_text(err)));
    } else if (taken.file.size > limit()) {
        taken.content = content_to_hash(std::move(file), written, taken.file, interrupt);
    } else {
        taken.file.entry = std::to_string(entries_++);
        // A tree that is to stop stays frozen until all is written.
        taken.content =
            config_.client_leave_running ? space.copy(file.get(), written.path, taken.file.size) : std::move(file);
    }
    taken_.push_back(std::move(taken));
}

// What the digest of a large file is to be made of later; none if it was made here, or cannot be had.
UniqueFd FileCapture::content_to_hash(UniqueFd file, const WrittenFile& written, CapturedFile& described,
                                      const Interrupt& interrupt) {
    if (!config_.client_leave_running)
        return file;
    if (UniqueFd clone = clone_file(file.get(), written.path))
        return clone;
    // What is there now stays there.
    if (written.only_appended())
        return file;
    if (described.size <= k_most_hashed_frozen - hashed_frozen_) {
        hashed_frozen_ += described.size;
        described.digest = content_digest(file.get(), written.path, described.size, interrupt).value_or("");
    }
    return {};
}

bool FileCapture::has_content() const { return entries_ != 0; }

FrameIndex FileCapture::write(ImageWriter& archive, const Interrupt& interrupt) {
    archive.compress_now();
    for (Taken& taken : taken_) {
        if (taken.file.entry.empty())
            continue;
        copy_to_archive(taken.content.get(), taken.file, archive, interrupt);
        taken.content.reset();
    }
    return archive.finish(interrupt);
}

std::vector<CapturedFile> FileCapture::describe(const Interrupt& interrupt) {
    std::vector<CapturedFile> files;
    for (Taken& taken : taken_) {
        CapturedFile& file = taken.file;
        if (file.entry.empty() && taken.content)
            file.digest = content_digest(taken.content.get(), file.path, file.size, interrupt).value_or("");
        if (file.size > limit())
            warnings_.push_back(
                fmt::format("{} is not copied into the checkpoint: {} is over files.capture_limit_mib; "
                            "{}",
                            printable(file.path), human_bytes(file.size),
                            file.is_open() ? "a restore needs it as it is now" : "a restore leaves it as it is then"));
        files.push_back(std::move(file));
    }
    taken_.clear();
    for (const std::string& warning : std::exchange(warnings_, {}))
        spdlog::warn("{}", warning);
    return files;
}

} // namespace cedana
