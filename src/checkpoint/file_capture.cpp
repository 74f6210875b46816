// SPDX-License-Identifier: Apache-2.0
#include "cedana/checkpoint/file_capture.hpp"

#include "cedana/base/checksums.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/extended_attributes.hpp"
#include "cedana/base/file_reads.hpp"
#include "cedana/base/kernel_time.hpp"
#include "cedana/base/memory.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/units.hpp"
#include "cedana/files/content_digest.hpp"
#include "cedana/files/private_copy.hpp"
#include "cedana/model/image_bytes.hpp"

#include <algorithm>
#include <cerrno>
#include <limits>
#include <span>
#include <utility>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

// Copies in memory, beside the buffer of the images.
constexpr std::uint64_t k_most_memory = 512 * k_mib;
// Read from a frozen tree's large files for their digests, which takes a third of a second.
constexpr std::uint64_t k_most_hashed_frozen = 512 * k_mib;
// The same, of a tree that is to stop: some seconds.
constexpr std::uint64_t k_most_hashed_before_end = 8 * 1024 * k_mib;

std::uint64_t size_of(const struct ::stat& info) { return static_cast<std::uint64_t>(info.st_size); }

bool is_sparse(const struct ::stat& info) {
    constexpr std::uint64_t k_block = 512;
    return static_cast<std::uint64_t>(info.st_blocks) * k_block < size_of(info) / 2;
}

// The tree's own descriptor, if the file can be read by it: whoever uses that is seen by nobody.
roles::FileName by_descriptor(const WrittenFile& written) {
    for (const FileUse& use : written.uses)
        if (use.fd >= 0 && (use.flags & O_ACCMODE) == O_RDWR)
            return {.path = written.place(), .holder = use.pid, .descriptor = use.fd};
    return {.path = written.place()};
}

CapturedFile describe_file(const WrittenFile& written, const struct ::stat& info) {
    return {.path = written.path,
            .size = size_of(info),
            .mode = info.st_mode & 07777,
            .owner = info.st_uid,
            .group = info.st_gid,
            .accessed = nanoseconds_of(info.st_atim).count(),
            .modified = nanoseconds_of(info.st_mtim).count(),
            .uses = written.uses};
}

bool is_same_version(const struct ::stat& a, const struct ::stat& b) {
    return file_id(a) == file_id(b) && a.st_size == b.st_size &&
           nanoseconds_of(a.st_mtim) == nanoseconds_of(b.st_mtim) &&
           nanoseconds_of(a.st_ctim) == nanoseconds_of(b.st_ctim);
}

// It was written to just now, and a change that comes in the same tick of the file system's clock (two seconds on FAT,
// one on NFSv2) leaves its times as they are.
bool may_change_unseen(const struct ::stat& info) {
    constexpr std::chrono::seconds k_tick(2);
    const auto now = time_of_clock(CLOCK_REALTIME);
    return nanoseconds_of(info.st_ctim) + k_tick > now || nanoseconds_of(info.st_mtim) + k_tick > now;
}

} // namespace

FileCapture::FileCapture(const Config& config, fs::path folder) : config_(config), folder_(std::move(folder)) {}

std::uint64_t FileCapture::limit() const { return static_cast<std::uint64_t>(config_.files_capture_limit_mib) * k_mib; }

std::uint64_t FileCapture::measure(const Procfs& procfs, const ProcessTree& tree, const WrittenFiles& written) {
    if (config_.files_capture == Capture::none)
        return 0;
    std::uint64_t bytes = 0;
    for (const WrittenFile& file : written.files)
        if (size_of(file.info) <= limit() || file.is_named || file.any_size)
            bytes += size_of(file.info);
    warn_of_outside_writers(procfs, tree, written);
    return bytes;
}

roles::FileReader& FileCapture::reader() {
    if (!reader_)
        reader_.emplace(roles::FileReader::Rules{.folder = folder_,
                                                 .memory = std::min(k_most_memory, available_memory() / 8),
                                                 .limit = config_.dump_freeze_limit});
    return *reader_;
}

// What cloning would have to write first goes to the disk now.
void FileCapture::prepare(const WrittenFiles& written, const Interrupt& interrupt) {
    if (config_.files_capture == Capture::none || written.files.empty())
        return;
    for (const WrittenFile& file : written.files) {
        if (auto attributes = extended_attributes_of(file.place()); !attributes.empty())
            attributes_.insert_or_assign(file.path, std::move(attributes));
        const roles::FileName name = by_descriptor(file);
        int error = 0;
        if (name.descriptor < 0 || size_of(file.info) <= k_least_cloned || !may_be_cloned(file.place()) ||
            !reader().open(0, name, error, interrupt))
            continue;
        static_cast<void>(reader().clone(0, interrupt));
        reader().drop(0, interrupt);
    }
    // Starting it takes longer than most copies.
    static_cast<void>(reader());
}

void FileCapture::warn_of_outside_writers(const Procfs& procfs, const ProcessTree& tree, const WrittenFiles& written) {
    std::vector<FileId> ids;
    for (const WrittenFile& file : written.files)
        ids.push_back(file_id(file.info));
    std::vector<pid_t> pids;
    for (const TreeProcess& process : tree.processes)
        pids.push_back(process.pid());
    std::vector<Said> warnings;
    for (const OutsideWriter& writer : outside_writers(procfs, ids, pids, ::getpid())) {
        if (!warned_of_.emplace(writer.file, writer.pid).second)
            continue;
        const auto file = std::ranges::find(ids, writer.file) - ids.begin();
        const std::string path = printable(written.files[static_cast<std::size_t>(file)].path);
        warnings.push_back({.sentence = fmt::format("{} is also open for writing by process {} ({}), which is not part "
                                                    "of the tree: a restore takes back what that one writes from now "
                                                    "on too",
                                                    path, writer.pid, printable(writer.comm)),
                            .object = fmt::format("{} and process {} ({})", path, writer.pid, printable(writer.comm))});
    }
    for (const std::string& warning : said_once(warnings))
        spdlog::warn("{}", warning);
}

void FileCapture::warn(const std::string& path, const std::string& kind, const std::string& text) {
    const std::string object = printable(path);
    warnings_.push_back({.sentence = fmt::format("{} {}", object, text), .object = object, .kind = kind});
}

void FileCapture::capture(const WrittenFiles& written, const LeasesAhead& leases, const Interrupt& interrupt) {
    if (config_.files_capture == Capture::none)
        return;
    for (const WrittenFile& file : written.files) {
        interrupt.throw_if_pending();
        capture_one(file, leases, interrupt);
    }
    for (const std::string& path : written.unseen)
        warn(path, "unseen",
             "is written to by the tree, but something else or nothing is seen there from here; it is not captured");
}

void FileCapture::capture_one(const WrittenFile& written, const LeasesAhead& leases, const Interrupt& interrupt) {
    if (written.is_named)
        return capture_named(written);
    const auto lease = lease_broken_by_reading(leases.get(), written.info);
    const roles::FileName name = lease ? by_descriptor(written) : roles::FileName{.path = written.place()};
    Captured captured{.file = describe_file(written, written.info)};
    if (lease && name.descriptor < 0) {
        warn(written.path, "lease",
             fmt::format("is not captured: to read it would break the lease that process {} holds on it (fcntl, "
                         "F_SETLEASE)",
                         lease->holder));
        return captured_.push_back(std::move(captured));
    }
    int error = 0;
    const std::uint64_t number = ++last_number_;
    const auto info = reader().open(number, name, error, interrupt);
    if (info && file_id(*info) != file_id(written.info)) {
        warn(written.path, "moved", "was moved away during the dump; it is not captured");
        return;
    }
    if (!info) {
        warn(written.path, fmt::format("error {}", error), fmt::format("cannot be captured: {}", errno_text(error)));
        return captured_.push_back(std::move(captured));
    }
    captured.file = describe_file(written, *info);
    if (captured.file.size > limit() && !written.any_size) {
        capture_for_digest({.path = written.path, .info = *info, .uses = written.uses}, number, captured, interrupt);
    } else {
        captured.file.entry = std::to_string(entries_++);
        // A tree that is to stop stays frozen until all is written.
        if (config_.client_leave_running)
            captured.copy = reader().copy(number, captured.file.size, interrupt);
        else
            captured.number = number;
    }
    if (!captured.number)
        reader().drop(number, interrupt);
    captured_.push_back(std::move(captured));
}

// The tree does not write to it: there is time until all is written.
void FileCapture::capture_named(const WrittenFile& written) {
    struct ::stat now {};
    const auto ahead = ahead_.find(written.path);
    if (ahead != ahead_.end() && ahead->second.opened && ::lstat(written.place().c_str(), &now) == 0 &&
        is_same_version(now, *ahead->second.opened)) {
        captured_.push_back({.file = ahead->second.file, .name = written.place(), .is_written = true});
        return;
    }
    captured_.push_back({.file = describe_file(written, written.info), .name = written.place()});
    captured_.back().file.entry = std::to_string(entries_++);
}

// The digest of a large file: made here, or what it is to be made of later; none if that would take too long.
void FileCapture::capture_for_digest(const WrittenFile& written, std::uint64_t number, Captured& captured,
                                     const Interrupt& interrupt) {
    const std::uint64_t size = captured.file.size;
    const std::uint64_t bound =
        (config_.client_leave_running ? k_most_hashed_frozen : k_most_hashed_before_end) - hashed_frozen_;
    if (is_sparse(written.info)) {
        captured.file.blocks_digest = reader().digest_of_blocks(number, size, bound, interrupt);
        if (!captured.file.blocks_digest.empty())
            hashed_frozen_ += std::min(bound, static_cast<std::uint64_t>(written.info.st_blocks) * 512);
        return;
    }
    if (config_.client_leave_running) {
        if ((captured.copy = reader().clone(number, interrupt)))
            return;
        // What is there now stays there.
        if (written.only_appended()) {
            captured.number = number;
            return;
        }
    }
    captured.file.digest = reader().digest(number, size, bound, interrupt);
    if (!captured.file.digest.empty())
        hashed_frozen_ += size;
}

bool FileCapture::has_content() const { return entries_ != 0; }

std::size_t FileCapture::read(const Captured& captured, std::uint64_t offset, std::span<std::byte> part,
                              const Interrupt& interrupt) {
    if (captured.number)
        return reader().read(*captured.number, offset, part, interrupt);
    return read_at(captured.copy.get(), offset, part, fmt::format("the copy of {}", captured.file.path));
}

void FileCapture::open_named(Captured& captured, const Interrupt& interrupt) {
    int error = 0;
    const std::uint64_t number = ++last_number_;
    const auto info = reader().open(number, {.path = captured.name}, error, interrupt);
    if (!info)
        throw os_error(error, fmt::format("cannot read {}, which is to go with the program", captured.file.path),
                       Fault::storage);
    CapturedFile file = describe_file({.path = captured.file.path, .info = *info}, *info);
    file.entry = captured.file.entry;
    captured.file = std::move(file);
    captured.number = number;
    if (!may_change_unseen(*info))
        captured.opened = *info;
}

// Fills in the digest, and the size if the file was cut by somebody outside.
void FileCapture::copy_to_archive(Captured& captured, ImageWriter& archive, const Interrupt& interrupt) {
    CapturedFile& file = captured.file;
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
        const std::size_t count = read(captured, done, part, interrupt);
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

FrameIndex FileCapture::write_ahead(const WrittenFiles& written, ImageWriter& archive, const Interrupt& interrupt) {
    std::set<FileId> of_tree;
    for (const WrittenFile& file : written.files)
        if (!file.is_named)
            of_tree.insert(file_id(file.info));
    if (config_.files_capture != Capture::none)
        for (const WrittenFile& file : written.files)
            if (file.is_named && !of_tree.contains(file_id(file.info)))
                capture_named(file);
    index_ahead_ = write(archive, interrupt);
    for (Captured& captured : std::exchange(captured_, {}))
        ahead_.insert_or_assign(captured.file.path, std::move(captured));
    return index_ahead_;
}

std::vector<CapturedFile> FileCapture::files_ahead() const {
    std::vector<CapturedFile> files;
    for (const auto& [path, captured] : ahead_) {
        files.push_back(captured.file);
        if (const auto found = attributes_.find(path); found != attributes_.end())
            files.back().extended_attributes = found->second;
    }
    return files;
}

FrameIndex FileCapture::write(ImageWriter& archive, const Interrupt& interrupt) {
    // What is written at a time has a directory of all that is there behind it: of small files that is the most of it,
    // unless they are many.
    constexpr std::uint64_t k_small = 64UL * 1024;
    std::vector<Captured*> large;
    for (Captured& captured : captured_)
        if (captured.file.entry.empty() || captured.is_written)
            continue;
        else if (captured.file.size <= k_small)
            write_one(captured, archive, interrupt);
        else
            large.push_back(&captured);
    archive.compress_now();
    for (Captured* const captured : large)
        write_one(*captured, archive, interrupt);
    return archive.finish(interrupt);
}

void FileCapture::write_one(Captured& captured, ImageWriter& archive, const Interrupt& interrupt) {
    if (!captured.name.empty())
        open_named(captured, interrupt);
    copy_to_archive(captured, archive, interrupt);
    captured.copy.reset();
    if (!captured.name.empty())
        reader().drop(*captured.number, interrupt);
}

std::vector<std::string> FileCapture::superseded() const {
    std::set<std::string> kept;
    for (const Captured& captured : captured_)
        if (captured.is_written)
            kept.insert(captured.file.entry);
    std::vector<std::string> entries;
    for (const auto& [path, ahead] : ahead_)
        if (!kept.contains(ahead.file.entry))
            entries.push_back(ahead.file.entry);
    return entries;
}

std::vector<CapturedFile> FileCapture::describe(const Interrupt& interrupt) {
    constexpr std::uint64_t k_all = std::numeric_limits<std::uint64_t>::max();
    std::vector<CapturedFile> files;
    for (Captured& captured : captured_) {
        CapturedFile& file = captured.file;
        if (file.entry.empty() && captured.copy)
            file.digest = content_digest(captured.copy.get(), file.path, file.size, interrupt).value_or("");
        else if (file.entry.empty() && captured.number)
            file.digest = reader().digest(*captured.number, file.size, k_all, interrupt);
        if (file.size > limit() && file.entry.empty())
            warn(file.path, file.is_open() ? "large" : "large and closed",
                 fmt::format("is not copied into the checkpoint: {} is over files.capture_limit_mib; {}",
                             human_bytes(file.size),
                             file.is_open() ? "a restore needs it as it is now" : "a restore leaves it as it is then"));
        if (const auto found = attributes_.find(file.path); found != attributes_.end())
            file.extended_attributes = found->second;
        files.push_back(std::move(file));
    }
    captured_.clear();
    reader_.reset();
    for (const std::string& warning : said_once(std::exchange(warnings_, {})))
        spdlog::warn("{}", warning);
    return files;
}

} // namespace cedana
