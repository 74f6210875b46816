// SPDX-License-Identifier: Apache-2.0
#include "cedana/migration/record.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/kernel_time.hpp"
#include "cedana/base/state_folder.hpp"
#include "cedana/base/text.hpp"
#include "cedana/migration/messages.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "json.hpp"

namespace cedana::migration {

namespace {

namespace fs = std::filesystem;

constexpr std::array<std::pair<Fate, std::string_view>, 6> k_fates = {{{Fate::receiving, "receiving"},
                                                                       {Fate::ready, "ready"},
                                                                       {Fate::going, "going"},
                                                                       {Fate::filling, "filling"},
                                                                       {Fate::runs, "runs"},
                                                                       {Fate::ended, "ended"}}};
constexpr std::size_t k_longest_record = 64UL * 1024;

Fate fate_of(const std::string& name) {
    const auto found = std::ranges::find(k_fates, name, &std::pair<Fate, std::string_view>::second);
    if (found == k_fates.end())
        throw Error(Fault::connection, fmt::format("'{}' is nothing that becomes of a tree", printable(name)));
    return found->first;
}

fs::path record_in(const fs::path& folder, const std::string& id) { return folder / (id + ".json"); }
fs::path lock_in(const fs::path& folder, const std::string& id) { return folder / (id + ".lock"); }

} // namespace

fs::path record_folder() { return state_folder() / "migrations"; }

std::string_view name_of(Fate fate) { return k_fates.at(static_cast<std::size_t>(fate)).second; }

std::string write_record(const Record& record) {
    nlohmann::ordered_json json = {{"id", record.id},
                                   {"state", name_of(record.fate)},
                                   {"name", record.name},
                                   {"why", record.why},
                                   {"had_run", record.had_run}};
    if (record.root) {
        json["pid"] = record.root->pid;
        json["start_time"] = record.root->start_time;
    }
    return write_object(json);
}

Record parse_record(std::string_view text) {
    return read_object(text, "what became of the migration", [](const nlohmann::json& json) {
        Record record{.id = json.at("id").get<std::string>(),
                      .fate = fate_of(json.at("state").get<std::string>()),
                      .name = json.at("name").get<std::string>(),
                      .why = json.at("why").get<std::string>(),
                      .had_run = json.value("had_run", false)};
        if (json.contains("pid"))
            record.root = ProcessMark{.pid = static_cast<pid_t>(number_in(json, "pid")),
                                      .start_time = number_in(json, "start_time")};
        return record;
    });
}

OpenRecord::OpenRecord(const fs::path& folder, const std::string& id) : path_(record_in(folder, id)) {
    make_private_folder(folder);
    lock_ = UniqueFd(::open(lock_in(folder, id).c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!lock_ && errno == EEXIST)
        throw Error(Fault::usage, fmt::format("there is a migration {} already", id));
    if (!lock_ || ::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0)
        throw OsFailure(Fault::storage).error("cannot make a record of the migration in {}", folder.string());
}

void OpenRecord::write(const Record& record) { replace_file(path_, write_record(record)); }

std::optional<FoundRecord> find_record(const fs::path& folder, const std::string& id) {
    const fs::path path = record_in(folder, id);
    UniqueFd lock(::open(lock_in(folder, id).c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC));
    if (!lock)
        return std::nullopt;
    const bool busy = ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0;
    std::error_code ignored;
    // Its maker was killed before it wrote anything.
    FoundRecord found{.record = {.id = id}, .busy = busy};
    if (fs::exists(path, ignored))
        found.record = parse_record(read_file(path, k_longest_record));
    if (!busy)
        found.lock = std::move(lock);
    return found;
}

void replace_record(const fs::path& folder, const Record& record) {
    replace_file(record_in(folder, record.id), write_record(record));
}

namespace {

void drop_if_old(const fs::path& folder, const std::string& id, std::chrono::hours age) {
    struct ::stat info {};
    const fs::path record = record_in(folder, id);
    const fs::path lock = lock_in(folder, id);
    if (::lstat(record.c_str(), &info) != 0 && ::lstat(lock.c_str(), &info) != 0)
        return;
    const auto changed = nanoseconds_of(info.st_mtim);
    if (time_of_clock(CLOCK_REALTIME) - changed < age)
        return;
    const auto found = find_record(folder, id);
    if (!found || found->busy || (found->record.root && is_at_work(*found->record.root)))
        return;
    for (const fs::path& path : {record, folder / (id + ".pages"), lock})
        ::unlink(path.c_str());
}

} // namespace

void drop_old_records(const fs::path& folder, std::chrono::hours age) noexcept {
    try {
        std::error_code none;
        for (const fs::path& path : entries_of(folder, none))
            if (const std::string id = path.stem().string(); path.extension() == ".lock" && is_id(id))
                drop_if_old(folder, id, age);
    } catch (const std::exception& error) {
        spdlog::debug("old records of migrations stay: {}", error.what());
    }
}

fs::path commit_of(const fs::path& checkpoint) { return checkpoint.string() + ".migrated"; }

void note_commit(const fs::path& checkpoint, const std::string& text) { replace_file(commit_of(checkpoint), text); }

std::optional<std::string> find_commit(const fs::path& checkpoint) {
    std::error_code ignored;
    if (!fs::exists(commit_of(checkpoint), ignored))
        return std::nullopt;
    return read_file(commit_of(checkpoint), k_longest_record);
}

void remove_commit(const fs::path& checkpoint) noexcept { ::unlink(commit_of(checkpoint).c_str()); }

} // namespace cedana::migration
