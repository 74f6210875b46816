// SPDX-License-Identifier: Apache-2.0
#include "cedana/job/found_checkpoints.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/time_text.hpp"
#include "cedana/checkpoint/reader.hpp"
#include "cedana/job/task.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <iterator>
#include <system_error>
#include <type_traits>
#include <utility>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

namespace cedana::job {

namespace {

namespace fs = std::filesystem;

// True if what is left of `text` begins with that, which is taken away.
bool take_prefix(std::string_view& text, std::string_view prefix) {
    if (!text.starts_with(prefix))
        return false;
    text.remove_prefix(prefix.size());
    return true;
}

// The program's pid is the argument of the root that keeps it (reaper.hpp).
pid_t program_in(const Manifest& manifest) {
    std::int64_t pid = 0;
    const auto& words = manifest.tree.front().command_line;
    return words.size() == 2 && parse_number(words.back(), pid) ? static_cast<pid_t>(pid) : 0;
}

// What a damaged line has of another kind counts as missing.
template <typename Value>
Value value_in(const nlohmann::ordered_json& event, const char* key) {
    const auto found = event.find(key);
    if constexpr (std::is_same_v<Value, int>)
        return found != event.end() && found->is_number_integer() ? found->get<int>() : 0;
    else
        return found != event.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// Absent for one that is none of a job.
std::optional<JobCheckpoint> read_checkpoint(const fs::path& path, const Keyring& keyring) {
    const Manifest manifest = Checkpoint(path, keyring).manifest();
    const auto descent = descent_in(manifest.note);
    const pid_t program = program_in(manifest);
    if (!descent || program == 0)
        return std::nullopt;
    return JobCheckpoint{.file = path.filename().string(),
                         .parent = descent->parent,
                         .epoch = descent->epoch,
                         .program = program,
                         .created = manifest.created,
                         .bytes = fs::file_size(path),
                         .frozen_seconds = manifest.frozen_seconds.value_or(0.0)};
}

} // namespace

std::vector<JobCheckpoint> newest_line(const std::vector<JobCheckpoint>& found) {
    const auto is_followed = [&](const JobCheckpoint& one) {
        return std::ranges::find(found, one.file, &JobCheckpoint::parent) != found.end();
    };
    std::vector<JobCheckpoint> line;
    auto at = std::ranges::find_if(found, [&](const JobCheckpoint& one) { return !one.damaged && !is_followed(one); });
    // What a damaged one came from is not known.
    std::copy_if(found.begin(), at, std::back_inserter(line), std::mem_fn(&JobCheckpoint::damaged));
    // Each is taken once, whatever they say of each other.
    for (std::size_t left = found.size(); at != found.end() && left != 0; --left) {
        line.push_back(*at);
        at = std::ranges::find(found, line.back().parent, &JobCheckpoint::file);
    }
    return line;
}

std::optional<CheckpointName> checkpoint_name(std::string_view file, std::string_view job) {
    CheckpointName name;
    if (!take_prefix(file, job) || !take_prefix(file, "_") || file.size() < k_utc_compact_size)
        return std::nullopt;
    name.moment = file.substr(0, k_utc_compact_size);
    file.remove_prefix(k_utc_compact_size);
    const std::size_t dot = file.find('.');
    std::string_view number = file.substr(0, dot);
    std::string_view rest = dot == std::string_view::npos ? "" : file.substr(dot);
    std::int64_t value = 1;
    if (!parse_utc_compact(name.moment) ||
        (!number.empty() && (!take_prefix(number, "_") || !parse_number(number, value))))
        return std::nullopt;
    name.number = static_cast<int>(value);
    if (!take_prefix(rest, ".e") || !rest.ends_with(".zip") || !parse_number(rest.substr(0, rest.size() - 4), value))
        return std::nullopt;
    name.epoch = static_cast<int>(value);
    return name;
}

std::vector<std::string> checkpoint_files(const fs::path& folder, const std::string& job) {
    std::error_code error;
    std::vector<std::pair<CheckpointName, std::string>> found;
    for (const fs::path& path : entries_of(folder, error))
        if (auto name = checkpoint_name(path.filename().string(), job))
            found.emplace_back(std::move(*name), path.filename().string());
    if (error)
        throw os_error(error.value(), fmt::format("cannot read {}", folder.string()), Fault::storage);
    std::ranges::sort(found, std::greater<>());
    std::vector<std::string> files;
    for (auto& [name, file] : found)
        files.push_back(std::move(file));
    return files;
}

std::vector<std::string> take_out_gone(std::vector<JobCheckpoint>& chain, const fs::path& folder) {
    std::vector<std::string> gone;
    std::erase_if(chain, [&](const JobCheckpoint& one) {
        std::error_code error;
        const bool is_gone = fs::symlink_status(folder / one.file, error).type() == fs::file_type::not_found;
        if (is_gone)
            gone.push_back(one.file);
        return is_gone;
    });
    return gone;
}

Life life_in(const History& history) {
    Life life;
    for (const auto& event : history.events) {
        const std::string kind = value_in<std::string>(event, "event");
        const int epoch = value_in<int>(event, "epoch");
        if (kind == "starting" || kind == "done") {
            life.checkpoints.clear();
            life.first_epoch = epoch + (kind == "done" ? 1 : 0);
        }
        if (kind == "checkpoint")
            life.checkpoints.push_back(value_in<std::string>(event, "checkpoint"));
        life.last_epoch = std::max(life.last_epoch, epoch);
    }
    return life;
}

std::vector<JobCheckpoint> find_checkpoints(const fs::path& folder, const std::string& job, const Keyring& keyring,
                                            int first_epoch) {
    std::vector<JobCheckpoint> found;
    for (const std::string& file : checkpoint_files(folder, job)) {
        const int epoch = checkpoint_name(file, job)->epoch;
        if (epoch < first_epoch)
            continue;
        try {
            if (auto one = read_checkpoint(folder / file, keyring))
                found.push_back(std::move(*one));
        } catch (const Error& error) {
            if (error.fault() != Fault::checkpoint)
                throw;
            spdlog::warn("{}", error.message());
            found.push_back({.file = file, .epoch = epoch, .damaged = true});
        }
    }
    return newest_line(found);
}

} // namespace cedana::job
