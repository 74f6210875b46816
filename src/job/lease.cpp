// SPDX-License-Identifier: Apache-2.0
#include "cedana/job/lease.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"

#include <algorithm>
#include <cerrno>
#include <random>
#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace cedana::job {

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using Millis = std::chrono::milliseconds;

constexpr std::string_view k_lease_prefix = "lease.";

fs::path lease_path(const fs::path& folder, int epoch) {
    return folder / fmt::format("{}{:04}", k_lease_prefix, epoch);
}

nlohmann::json mark_json(const ProcessMark& mark) { return {{"pid", mark.pid}, {"start_time", mark.start_time}}; }

ProcessMark mark_in(const nlohmann::json& json) { return {.pid = json.at("pid"), .start_time = json.at("start_time")}; }

// A complete file of this process's own, to be linked. Its name is nobody else's, of a clone of this machine with the
// same pid either: each of two would take the link of the other's file for its own.
fs::path write_candidate(const fs::path& folder, const LeaseWord& word) {
    std::random_device random;
    fs::path path = folder / fmt::format(".{}{}.{:08x}{:08x}", k_lease_prefix, word.supervisor.pid, random(), random());
    RemoveOnFailure remove(path);
    const UniqueFd file = open_file(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    write_all(file.get(), to_text(word), path);
    sync_file(file.get(), path);
    remove.commit();
    return path;
}

// The answer of a file server may be lost: the count of links tells (open(2), O_EXCL).
bool link_as(const fs::path& candidate, const fs::path& name) {
    const int result = ::link(candidate.c_str(), name.c_str());
    const int err = errno;
    struct ::stat info {};
    if (::stat(candidate.c_str(), &info) == 0 && info.st_nlink == 2)
        return true;
    if (result != 0 && err != EEXIST)
        throw os_error(err, fmt::format("cannot link {}", name.string()), Fault::storage)
            .hint("a job needs a store whose file system has hard links (link(2))");
    return false;
}

bool try_to_take(const fs::path& folder, int epoch, const LeaseWord& word) {
    const fs::path candidate = write_candidate(folder, word);
    const RemoveOnFailure remove(candidate);
    if (!link_as(candidate, lease_path(folder, epoch)))
        return false;
    sync_folder(folder);
    return true;
}

void remove_below(const fs::path& folder, int epoch) {
    std::error_code ignored;
    for (int lower = epoch - 1; lower > 0 && fs::remove(lease_path(folder, lower), ignored); --lower) {}
}

// Whether it did not change for as long.
bool stays_the_same(const fs::path& folder, int epoch, const LeaseWord& seen, const Interrupt& interrupt) {
    constexpr Millis k_look_every{500};
    const auto deadline = Clock::now() + Millis(seen.lasts_ms + seen.lasts_ms / 4);
    while (Clock::now() < deadline) {
        if (interrupt.pending_within(k_look_every))
            interrupt.throw_if_pending();
        if (highest_lease(folder) != epoch || read_lease(folder, epoch) != seen)
            return false;
    }
    return true;
}

// Of these no other host writes to the same.
bool is_of_this_host_alone(const fs::path& folder) {
    constexpr unsigned long k_zfs = 0x2fc12fc1;
    constexpr std::array<unsigned long, 6> k_types = {EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC,  BTRFS_SUPER_MAGIC,
                                                      TMPFS_MAGIC,      F2FS_SUPER_MAGIC, k_zfs};
    struct ::statfs info {};
    return ::statfs(folder.c_str(), &info) == 0 &&
           std::ranges::find(k_types, static_cast<unsigned long>(info.f_type)) != k_types.end();
}

// What is written over at that moment, or comes from a file server that has just replaced it, is there soon.
std::optional<LeaseWord> read_until_understood(const fs::path& folder, int epoch, const Interrupt& interrupt) {
    constexpr Millis k_limit{1000};
    constexpr Millis k_look_every{50};
    for (const auto deadline = Clock::now() + k_limit; highest_lease(folder) == epoch;) {
        if (auto word = read_lease(folder, epoch))
            return word;
        if (Clock::now() >= deadline)
            break;
        if (interrupt.pending_within(k_look_every))
            interrupt.throw_if_pending();
    }
    return std::nullopt;
}

std::string where_it_runs(const LeaseWord& word) {
    return fmt::format("the job runs on {} (supervisor {})", printable(word.host.name), word.supervisor.pid);
}

} // namespace

HostMark own_host() {
    std::array<char, 256> name{};
    ::gethostname(name.data(), name.size() - 1);
    struct ::stat info {};
    if (::stat("/proc/self/ns/pid", &info) != 0)
        throw OsFailure(Fault::environment).error("cannot look at the own pid namespace");
    return {.name = name.data(),
            .boot = std::string(trim(read_file("/proc/sys/kernel/random/boot_id"))),
            .pid_namespace = info.st_ino};
}

std::string to_text(const LeaseWord& word) {
    const nlohmann::ordered_json json = {{"host", word.host.name},
                                         {"boot", word.host.boot},
                                         {"pid_namespace", word.host.pid_namespace},
                                         {"supervisor", mark_json(word.supervisor)},
                                         {"init", mark_json(word.init)},
                                         {"lasts_ms", word.lasts_ms},
                                         {"count", word.count},
                                         {"released", word.released}};
    return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::optional<LeaseWord> parse_lease(std::string_view text) {
    try {
        const nlohmann::json json = nlohmann::json::parse(text);
        return LeaseWord{
            .host = {.name = json.at("host"), .boot = json.at("boot"), .pid_namespace = json.at("pid_namespace")},
            .supervisor = mark_in(json.at("supervisor")),
            .init = mark_in(json.at("init")),
            .lasts_ms = json.at("lasts_ms"),
            .count = json.at("count"),
            .released = json.at("released")};
    } catch (const nlohmann::json::exception&) {
        return std::nullopt;
    }
}

LeaseLook look_at(const LeaseWord& word, const HostMark& own, const std::function<bool(const ProcessMark&)>& lives) {
    if (word.released)
        return LeaseLook::free;
    if (!own.sees(word.host))
        return word.lasts_ms == 0 ? LeaseLook::free : LeaseLook::unseen;
    if (lives(word.supervisor))
        return LeaseLook::held;
    return word.init.pid != 0 && lives(word.init) ? LeaseLook::orphaned : LeaseLook::free;
}

int highest_lease(const fs::path& folder) {
    std::error_code error;
    int highest = 0;
    for (const fs::path& path : entries_of(folder, error)) {
        const std::string name = path.filename().string();
        std::int64_t number = 0;
        if (name.starts_with(k_lease_prefix) && parse_number(name.substr(k_lease_prefix.size()), number))
            highest = std::max(highest, static_cast<int>(number));
    }
    if (error)
        throw os_error(error.value(), fmt::format("cannot read {}", folder.string()), Fault::storage);
    return highest;
}

std::optional<LeaseWord> read_lease(const fs::path& folder, int epoch) {
    try {
        return parse_lease(read_file(lease_path(folder, epoch), 1U << 16U));
    } catch (const Error&) {
        return std::nullopt;
    }
}

Lease::Lease(fs::path folder, int epoch, LeaseWord word)
    : folder_(std::move(folder)), epoch_(epoch), word_(std::move(word)), renewed_(Clock::now()) {}

Lease Lease::take(const fs::path& folder, Millis lasts, const Interrupt& interrupt,
                  const std::function<void(const LeaseWord&, Millis)>& waits) {
    const LeaseWord own{.host = own_host(), .supervisor = own_mark(), .lasts_ms = lasts.count()};
    while (true) {
        const int epoch = highest_lease(folder);
        const std::optional<LeaseWord> seen =
            epoch == 0 ? std::nullopt : read_until_understood(folder, epoch, interrupt);
        if (seen) {
            const LeaseLook look = look_at(*seen, own.host, is_at_work);
            if (look == LeaseLook::held)
                throw HeldElsewhere{where_it_runs(*seen)};
            if (look == LeaseLook::unseen) {
                waits(*seen, Millis(seen->lasts_ms + seen->lasts_ms / 4));
                if (!stays_the_same(folder, epoch, *seen, interrupt))
                    throw HeldElsewhere{where_it_runs(*seen)};
            }
        }
        LeaseWord word = own;
        // Whoever adopts it says so later.
        if (seen && look_at(*seen, own.host, is_at_work) == LeaseLook::orphaned)
            word.init = seen->init;
        if (try_to_take(folder, epoch + 1, word)) {
            remove_below(folder, epoch + 1);
            return {folder, epoch + 1, word};
        }
    }
}

// In a folder that was removed and made anew the numbers begin anew.
Lease::Look Lease::look() const {
    const int highest = highest_lease(folder_);
    if (highest == 0)
        return Look::gone;
    const auto there = highest == epoch_ ? read_lease(folder_, epoch_) : std::nullopt;
    const bool is_others = there && (there->host != word_.host || there->supervisor != word_.supervisor);
    return highest != epoch_ || is_others ? Look::lost : Look::held;
}

bool Lease::renew() {
    const Look seen = look();
    if (seen == Look::lost)
        return false;
    const auto now = Clock::now();
    ++word_.count;
    try {
        const bool was_long_ago = word_.lasts_ms != 0 && now - renewed_ >= lasts() / 2;
        if (!was_long_ago && seen == Look::held)
            write_down();
        else if (try_to_take(folder_, epoch_ + 1, word_))
            remove_below(folder_, ++epoch_);
        else
            return false;
        trouble_.clear();
    } catch (const Error& error) {
        if (!is_of_this_host_alone(folder_))
            throw;
        trouble_ = error.message();
    }
    // Somebody took the next one while this was written.
    if (is_lost())
        return false;
    if (trouble_.empty())
        renewed_ = now;
    return true;
}

// A file that is written over needs no more room than it has: others see that it changes on a full disk, too.
void Lease::write_down() {
    const std::filesystem::path path = lease_path(folder_, epoch_);
    const std::string text = to_text(word_);
    try {
        replace_file(path, text);
    } catch (const Error&) {
        const UniqueFd file = open_file(path, O_WRONLY);
        if (::pwrite(file.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()) ||
            ::ftruncate(file.get(), static_cast<off_t>(text.size())) != 0)
            throw OsFailure(Fault::storage).error("cannot write {}", path.string());
        sync_file(file.get(), path);
    }
}

void Lease::set_init(const ProcessMark& init) { word_.init = init; }

void Lease::release() {
    word_.released = true;
    try {
        if (is_held())
            write_down();
    } catch (const Error& error) {
        spdlog::warn("the lease of the job could not be given back, and runs out: {}", error.message());
    }
}

} // namespace cedana::job
