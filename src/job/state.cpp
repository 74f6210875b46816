// SPDX-License-Identifier: Apache-2.0
#include "cedana/job/state.hpp"

#include "cedana/base/checksums.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/model/json_failure.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <system_error>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <unistd.h>

namespace cedana::job {

namespace {

namespace fs = std::filesystem;

constexpr std::array k_phases = {std::pair(Phase::starting, "starting"), std::pair(Phase::restoring, "restoring"),
                                 std::pair(Phase::running, "running"),   std::pair(Phase::last, "last"),
                                 std::pair(Phase::backoff, "backoff"),   std::pair(Phase::done, "done"),
                                 std::pair(Phase::ended, "ended"),       std::pair(Phase::checkpointed, "checkpointed"),
                                 std::pair(Phase::stopped, "stopped"),   std::pair(Phase::failed, "failed")};

// Of years of checkpoints the last months.
constexpr off_t k_most_of_history = 16L * 1024 * 1024;

template <typename Value>
std::optional<Value> read_json(const fs::path& path) {
    if (!fs::exists(path))
        return std::nullopt;
    const std::string text = read_file(path);
    try {
        return nlohmann::json::parse(text).get<Value>();
    } catch (const nlohmann::json::exception& error) {
        throw Error(Fault::checkpoint,
                    fmt::format("{} is damaged: {}", printable(path.string()), what_is_wrong_with(text, error)));
    }
}

void write_json(const fs::path& path, const nlohmann::json& json) {
    replace_file(path, json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

} // namespace

std::string_view name_of(Phase phase) {
    return std::ranges::find(k_phases, phase, &std::pair<Phase, const char*>::first)->second;
}

std::optional<Phase> phase_of(std::string_view name) {
    for (const auto& [phase, text] : k_phases)
        if (name == text)
            return phase;
    return std::nullopt;
}

bool is_active(Phase phase) { return phase <= Phase::backoff; }

std::string digest_of_command(const std::vector<std::string>& argv, const std::string& cwd) {
    try {
        static_cast<void>(nlohmann::json({argv, cwd}).dump());
        return {};
    } catch (const nlohmann::json::type_error&) {
        std::string all = cwd;
        for (const std::string& argument : argv)
            all += '\0' + argument;
        return hex(sha256(all));
    }
}

void to_json(nlohmann::json& json, const JobRecord& record) {
    json = {{"name", record.name},       {"argv", record.argv},
            {"cwd", record.cwd},         {"user", record.user},
            {"uid", record.uid},         {"environment", record.environment},
            {"created", record.created}, {"has_host_pids", record.has_host_pids}};
    if (!record.digest.empty())
        json["digest"] = record.digest;
}

void from_json(const nlohmann::json& json, JobRecord& record) {
    json.at("name").get_to(record.name);
    json.at("argv").get_to(record.argv);
    json.at("cwd").get_to(record.cwd);
    json.at("user").get_to(record.user);
    json.at("uid").get_to(record.uid);
    json.at("environment").get_to(record.environment);
    json.at("created").get_to(record.created);
    // Earlier ones had pids of their own alone.
    record.has_host_pids = json.value("has_host_pids", false);
    record.digest = json.value("digest", "");
}

void to_json(nlohmann::json& json, const JobCheckpoint& one) {
    json = {{"checkpoint", one.file}, {"made_after", one.parent},
            {"epoch", one.epoch},     {"program", one.program},
            {"created", one.created}, {"bytes_archive", one.bytes},
            {"seconds", one.seconds}, {"frozen_seconds", one.frozen_seconds},
            {"tries", one.tries},     {"damaged", one.damaged}};
}

void from_json(const nlohmann::json& json, JobCheckpoint& one) {
    json.at("checkpoint").get_to(one.file);
    // Root restores and removes what that names in the job's folder.
    if (one.file.find('/') != std::string::npos || one.file.starts_with('.'))
        throw Error(Fault::checkpoint,
                    fmt::format("a job names a checkpoint outside of its folder: {}", printable(one.file)));
    json.at("made_after").get_to(one.parent);
    json.at("epoch").get_to(one.epoch);
    json.at("program").get_to(one.program);
    json.at("created").get_to(one.created);
    json.at("bytes_archive").get_to(one.bytes);
    json.at("seconds").get_to(one.seconds);
    json.at("frozen_seconds").get_to(one.frozen_seconds);
    json.at("tries").get_to(one.tries);
    json.at("damaged").get_to(one.damaged);
}

void to_json(nlohmann::json& json, const JobState& state) {
    json = {{"state", name_of(state.phase)},
            {"since", state.since},
            {"host", state.host},
            {"supervisor", state.supervisor},
            {"pid", state.pid},
            {"program", state.program},
            {"init", state.init},
            {"epoch", state.epoch},
            {"checkpoints", state.chain},
            {"restored_from", state.restored_from},
            {"goes_on_from", state.parent},
            {"restarts", state.restarts},
            {"restarts_in_all", state.restarts_in_all},
            {"checkpoints_in_all", state.checkpoints_in_all},
            {"failed_checkpoints", state.failed_checkpoints},
            {"restores_in_all", state.restores_in_all},
            {"failed_restores", state.failed_restores},
            {"failures", state.failures},
            {"last_attempt", state.last_attempt},
            {"last_failure", state.last_failure},
            {"next", state.next},
            {"outcome", nullptr}};
    if (state.end)
        json["outcome"] = *state.end;
}

void from_json(const nlohmann::json& json, JobState& state) {
    const auto phase = phase_of(json.at("state").get<std::string>());
    if (!phase)
        throw Error(Fault::environment, "the job has a state that this cedana does not know")
            .hint("it was written by a newer cedana: use that");
    state.phase = *phase;
    json.at("since").get_to(state.since);
    json.at("host").get_to(state.host);
    json.at("supervisor").get_to(state.supervisor);
    json.at("pid").get_to(state.pid);
    json.at("program").get_to(state.program);
    json.at("init").get_to(state.init);
    json.at("epoch").get_to(state.epoch);
    json.at("checkpoints").get_to(state.chain);
    json.at("restored_from").get_to(state.restored_from);
    json.at("goes_on_from").get_to(state.parent);
    json.at("restarts").get_to(state.restarts);
    json.at("restarts_in_all").get_to(state.restarts_in_all);
    json.at("checkpoints_in_all").get_to(state.checkpoints_in_all);
    json.at("failed_checkpoints").get_to(state.failed_checkpoints);
    // Earlier ones did not count these.
    state.restores_in_all = json.value("restores_in_all", std::int64_t{0});
    state.failed_restores = json.value("failed_restores", std::int64_t{0});
    json.at("failures").get_to(state.failures);
    json.at("last_attempt").get_to(state.last_attempt);
    json.at("last_failure").get_to(state.last_failure);
    json.at("next").get_to(state.next);
    if (!json.at("outcome").is_null())
        state.end = json.at("outcome").get<ProgramEnd>();
}

std::optional<JobRecord> read_record(const fs::path& folder) {
    try {
        return read_json<JobRecord>(folder / k_job_file);
    } catch (Error& error) {
        if (error.fault() == Fault::checkpoint)
            error.hint("move the job's folder away to begin anew; its checkpoints can be restored by their paths");
        throw;
    }
}

std::optional<JobState> read_state(const fs::path& folder) {
    try {
        return read_json<JobState>(folder / k_state_file);
    } catch (Error& error) {
        if (error.fault() == Fault::checkpoint)
            error.hint("the next run of the job makes it anew from the checkpoints in its folder");
        throw;
    }
}

void write_record(const fs::path& folder, const JobRecord& record) { write_json(folder / k_job_file, record); }

void write_state(const fs::path& folder, const JobState& state) { write_json(folder / k_state_file, state); }

History read_history(const fs::path& folder) {
    History history;
    const fs::path path = folder / k_history_file;
    std::error_code ignored;
    if (!fs::exists(path, ignored))
        return history;
    const UniqueFd file = open_file(path, O_RDONLY);
    const off_t size = ::lseek(file.get(), 0, SEEK_END);
    const off_t begin = std::max<off_t>(size - k_most_of_history, 0);
    ::lseek(file.get(), begin, SEEK_SET);
    std::string text = read_all(file.get(), path, 2 * k_most_of_history);
    // The line that it begins amid.
    if (begin != 0)
        text.erase(0, text.find('\n') + 1);
    for (const std::string& line : split(text, '\n')) {
        if (line.empty())
            continue;
        if (auto event = nlohmann::ordered_json::parse(line, nullptr, false); event.is_object())
            history.events.push_back(std::move(event));
        else
            ++history.damaged;
    }
    return history;
}

void append_history(const fs::path& folder, std::string_view event, const nlohmann::ordered_json& more) {
    nlohmann::ordered_json line = {{"time", utc_iso(std::chrono::system_clock::now())}, {"event", event}};
    line.update(more);
    const fs::path path = folder / k_history_file;
    const UniqueFd file = open_file(path, O_WRONLY | O_APPEND | O_CREAT, 0600);
    write_all(file.get(), line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n", path);
    sync_file(file.get(), path);
}

} // namespace cedana::job
