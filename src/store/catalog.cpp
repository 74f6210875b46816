// SPDX-License-Identifier: Apache-2.0
#include "cedana/store/catalog.hpp"

#include "cedana/archive/zip_end.hpp"
#include "cedana/archive/zip_reader.hpp"
#include "cedana/base/checksums.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/kernel_time.hpp"
#include "cedana/base/parallel.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/units.hpp"
#include "cedana/checkpoint/reader.hpp"
#include "cedana/files/checkpoint_file.hpp"
#include "cedana/files/default_store.hpp"
#include "cedana/migration/record.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <tuple>
#include <utility>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <fnmatch.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

// libzip takes five seconds for a million entries, and so long nobody waits for a file that lies there by chance. The
// directory of a checkpoint has about 80 bytes for an image: these are some ten thousand processes.
constexpr std::uint64_t k_most_directory = 8 * k_mib;

std::chrono::system_clock::time_point changed(const struct ::stat& info) {
    using Clock = std::chrono::system_clock;
    return Clock::time_point(std::chrono::duration_cast<Clock::duration>(nanoseconds_of(info.st_mtim)));
}

// Errors name the file first, which a listing does already.
void set_kind(CatalogEntry& entry, EntryKind kind, std::string_view flaw) {
    const std::string path = entry.path.string();
    if (flaw.starts_with(path))
        flaw.remove_prefix(path.size());
    const std::size_t begin = flaw.find_first_not_of(": ");
    entry.kind = kind;
    entry.flaw = begin == std::string_view::npos ? std::string(flaw) : std::string(flaw.substr(begin));
}

// Of what could not be looked at.
void set_kind_by(CatalogEntry& entry, const Error& error) {
    if (error.fault() != Fault::permission)
        return set_kind(entry, EntryKind::damaged, error.message());
    set_kind(entry, EntryKind::unreadable, ::geteuid() == 0 ? error.message() : "run with sudo");
}

void read_summary(CatalogEntry& entry, const Keyring& keyring) {
    if (const std::uint64_t bytes = directory_bytes(entry.path); bytes > k_most_directory)
        return set_kind(entry, EntryKind::foreign,
                        fmt::format("a zip archive with a directory of {}; no listing reads one above {}",
                                    human_bytes(bytes), human_bytes(k_most_directory)));
    const ZipReader zip(entry.path);
    if (zip.find(k_manifest_entry) == nullptr)
        return set_kind(entry, EntryKind::foreign, "a zip archive without a manifest");
    const CheckpointState state = read_state(zip, keyring);
    entry.signature = state.signature;
    entry.digest = hex(sha256(std::string_view(state.text)));
    try {
        entry.summary = parse_summary(manifest_text(zip, state, keyring));
    } catch (const Error& error) {
        if (error.fault() != Fault::permission)
            throw;
        entry.when = time_in_stem(entry.path.stem().string()).value_or(entry.when);
        return set_kind(entry, EntryKind::encrypted, "no key here opens it");
    }
    entry.when = entry.summary->created;
}

void read_entry(CatalogEntry& entry, const Keyring& keyring) {
    struct ::stat info {};
    if (::stat(entry.path.c_str(), &info) != 0) {
        const int err = errno;
        return set_kind_by(entry, os_error(err, entry.path.string()));
    }
    entry.bytes = static_cast<std::uint64_t>(info.st_size);
    entry.when = changed(info);
    const std::string name = entry.path.filename().string();
    if (!S_ISREG(info.st_mode))
        return set_kind(entry, EntryKind::foreign, "not a regular file");
    if (name.ends_with(".zip.partial"))
        return set_kind(entry, EntryKind::unfinished, "being written, or left by a dump that was killed");
    if (!name.ends_with(".zip"))
        return set_kind(entry, EntryKind::foreign, "not a checkpoint by its name");
    try {
        read_summary(entry, keyring);
    } catch (const Error& error) {
        set_kind_by(entry, error);
    } catch (const std::exception& error) {
        set_kind(entry, EntryKind::damaged, error.what());
    }
}

// Beside its checkpoint it says nothing of its own here.
bool is_note_of_migration(const fs::path& path) {
    std::error_code ignored;
    const fs::path checkpoint = fs::path(path).replace_extension();
    return path == migration::commit_of(checkpoint) && fs::exists(checkpoint, ignored);
}

std::vector<CatalogEntry> list_files(const fs::path& store) {
    require_answer(store, "the store");
    std::error_code error;
    // The first dump makes it.
    if (store == k_default_store && !fs::exists(store, error) && !error)
        return {};
    std::vector<CatalogEntry> entries;
    fs::directory_iterator file(store, error);
    for (; !error && file != fs::directory_iterator(); file.increment(error))
        if (std::error_code ignored; !file->is_directory(ignored) && !is_note_of_migration(file->path()))
            entries.push_back({.path = file->path(), .summary = {}, .flaw = {}});
    if (error)
        throw Error(fault_of_errno(error.value(), Fault::storage),
                    fmt::format("cannot read the store {}: {}", printable(store.string()), error.message()));
    return entries;
}

// Reading a manifest is half waiting for the disk, half parsing.
void look_at_all(std::vector<CatalogEntry>& entries, const Keyring& keyring, const Interrupt& interrupt) {
    constexpr std::size_t k_worth_a_thread = 64;
    const std::size_t threads = std::min<std::size_t>(core_count(), entries.size() / k_worth_a_thread);
    parallel(entries.size(), static_cast<unsigned>(threads), [&](std::size_t i, const auto&) {
        interrupt.throw_if_pending();
        read_entry(entries[i], keyring);
    });
}

bool matches(const std::string& name, const std::string& wanted) {
    return name.find(wanted) != std::string::npos || ::fnmatch(wanted.c_str(), name.c_str(), 0) == 0;
}

} // namespace

std::string_view name_of(EntryKind kind) {
    switch (kind) {
    case EntryKind::checkpoint:
        return "checkpoint";
    case EntryKind::encrypted:
        return "encrypted";
    case EntryKind::damaged:
        return "damaged";
    case EntryKind::unreadable:
        return "unreadable";
    case EntryKind::unfinished:
        return "unfinished";
    case EntryKind::foreign:
        break;
    }
    return "foreign";
}

std::string_view name_of(ProcessNow now) {
    switch (now) {
    case ProcessNow::running:
        return "running";
    case ProcessNow::restored:
        return "restored";
    case ProcessNow::gone:
        return "gone";
    case ProcessNow::other:
        return "other";
    case ProcessNow::elsewhere:
        break;
    }
    return "elsewhere";
}

std::vector<CatalogEntry> read_catalog(const fs::path& store, const Keyring& keyring, const Interrupt& interrupt) {
    std::vector<CatalogEntry> entries = list_files(store);
    look_at_all(entries, keyring.without_asking(), interrupt);
    std::ranges::sort(entries, [](const CatalogEntry& a, const CatalogEntry& b) {
        return std::tie(b.when, b.path) < std::tie(a.when, a.path);
    });
    return entries;
}

std::size_t drop_untrusted(std::vector<CatalogEntry>& catalog, const Keyring& keyring) {
    return keyring.is_strict() ? std::erase_if(catalog,
                                               [](const CatalogEntry& entry) {
                                                   const bool is_one = entry.kind == EntryKind::checkpoint ||
                                                                       entry.kind == EntryKind::encrypted;
                                                   return is_one && entry.signature.by != SignedBy::trusted;
                                               })
                               : 0;
}

std::optional<Error> unreadable(const std::vector<CatalogEntry>& catalog) {
    const auto count = std::ranges::count(catalog, EntryKind::unreadable, &CatalogEntry::kind);
    if (count == 0)
        return std::nullopt;
    return Error(Fault::permission, fmt::format("{} checkpoint{} in the store {} not readable", count,
                                                count == 1 ? "" : "s", count == 1 ? "is" : "are"))
        .hint("run it with sudo");
}

void require_readable(const std::vector<CatalogEntry>& catalog) {
    const auto error = unreadable(catalog);
    if (error && ::geteuid() != 0)
        throw *error;
    if (error)
        spdlog::warn("{}, and passed over", error->message());
}

bool passes(const CatalogEntry& entry, const CatalogFilter& filter, std::chrono::system_clock::time_point now) {
    if (filter.newer_than && now - entry.when > *filter.newer_than)
        return false;
    if (filter.older_than && now - entry.when < *filter.older_than)
        return false;
    return filter.name.empty() || matches(entry.path.filename().string(), filter.name) ||
           (entry.summary && (matches(entry.summary->name, filter.name) || matches(entry.summary->label, filter.name)));
}

ProcessNow process_now(const CheckpointSummary& summary, const Procfs& procfs, const std::string& host) {
    if (summary.host != host)
        return ProcessNow::elsewhere;
    const auto stat = procfs.stat(summary.pid);
    if (!stat || stat->is_zombie())
        return ProcessNow::gone;
    if (stat->start_time == summary.start_time)
        return ProcessNow::running;
    const auto executable = procfs.executable(summary.pid);
    return executable && executable->string() == summary.executable ? ProcessNow::restored : ProcessNow::other;
}

fs::path find_store(const std::optional<fs::path>& named, const Config& config) {
    const std::string& mount = config.shared_storage_mount_point;
    const std::string& local = config.shared_storage_dump_storage_dir;
    const fs::path store = named.value_or(!mount.empty() ? mount : !local.empty() ? local : k_default_store);
    return fs::absolute(store).lexically_normal();
}

} // namespace cedana
