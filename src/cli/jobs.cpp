// SPDX-License-Identifier: Apache-2.0
#include "cedana/cli/jobs.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/signal_words.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/time_text.hpp"
#include "cedana/cli/commands.hpp"
#include "cedana/host/permissions.hpp"
#include "cedana/job/books.hpp"
#include "cedana/job/found_checkpoints.hpp"
#include "cedana/store/catalog.hpp"

#include <system_error>

#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

std::string word(const Json& more, const char* key) {
    const auto found = more.find(key);
    return found != more.end() && found->is_string() ? printable(found->get<std::string>()) : std::string();
}

// What the history has of another kind counts as missing.
int number_in(const Json& more, const char* key) {
    const auto found = more.find(key);
    return found != more.end() && found->is_number_integer() ? found->get<int>() : 0;
}

bool is_set(const Json& more, const char* key) {
    const auto found = more.find(key);
    return found != more.end() && found->is_boolean() && found->get<bool>();
}

// Earlier ones did not say what was ended with a program.
std::string end_text(const Json& more) {
    const int others = number_in(more, "ended_with_it");
    const std::string with_it = others == 0   ? ""
                                : others == 1 ? ", and with it a process that it had left"
                                              : fmt::format(", and with it {} processes that it had left", others);
    if (!more.contains("outcome"))
        return "ended" + with_it;
    const Json& end = more["outcome"];
    if (end.contains("signal"))
        return "was ended by " + known_as(end["signal"]) + with_it;
    return fmt::format("ended with {}{}", end.value("code", 0), with_it);
}

std::string running_text(const Json& more) {
    if (more.value("adopted", false))
        return fmt::format("found running, pid {}", number_in(more, "pid"));
    // One that has ended by now has none.
    const int pid = number_in(more, "pid");
    const std::string with_pid = pid == 0 ? "" : fmt::format(", pid {}", pid);
    if (more.contains("checkpoint"))
        return fmt::format("goes on from {}{}", word(more, "checkpoint"), with_pid);
    return "started" + with_pid;
}

std::string checkpoint_text(const Json& more) {
    return fmt::format("checkpoint {}: {} in {}, frozen for {}", word(more, "checkpoint"),
                       human_bytes(more.value("bytes_archive", std::uint64_t{0})),
                       human_seconds(more.value("seconds", 0.0)), human_seconds(more.value("frozen_seconds", 0.0)));
}

std::string failed_checkpoint_text(const Json& more) {
    const std::string then = word(more, "then");
    const std::string what = then == "ends" || then == "waits" ? ""
                             : then == "tried_again"           ? "; it is tried again"
                             : then == "passed_on"             ? "; the signal to end is passed on to the program"
                                                               : "; it runs on";
    return fmt::format("no checkpoint: {}{}", word(more, "message"), what);
}

// How a job was ended on demand, or ended by itself, and what comes next; earlier ones did not say it.
std::string after_end_text(const Json& more) {
    const std::string how = word(more, "how");
    const std::string next = next_run_text(more);
    if (how == "checkpointed")
        return ", goes on with the next run";
    if (how == "absent")
        return " while its program did not run: " + next;
    if (how == "passed_on")
        return ", without a new checkpoint: " + next;
    return word(more, "goes_on_from").empty() ? "" : "; " + next;
}

std::string gone_text(const Json& more) {
    std::string names;
    if (const auto lost = more.find("lost"); lost != more.end() && lost->is_array())
        for (const Json& one : *lost)
            if (one.is_string())
                names += (names.empty() ? "" : ", ") + printable(one.get<std::string>());
    return fmt::format("gone from its folder: {}; {}", names,
                       number_in(more, "left") == 0 ? "no checkpoint is left" : "the newest that is left counts");
}

} // namespace

std::string next_run_text(const Json& more) {
    if (const std::string file = word(more, "goes_on_from"); !file.empty())
        return fmt::format("the next run goes on from {} of {}", file, word(more, "goes_on_from_created"));
    return is_set(more, "starts_anew") ? "the next run starts it anew" : "none of its checkpoints is left to try";
}

fs::path open_job_folder(const std::optional<fs::path>& named, const std::string& name, const LoadedConfig& config) {
    const fs::path store = find_store(named, config.values);
    require_place_of_caller(config, store, "the store");
    fs::path folder = store / name;
    job::make_job_folder(folder);
    try {
        require_trusted_job(config, folder);
    } catch (const Error&) {
        job::drop_empty_job_folder(folder);
        throw;
    }
    return folder;
}

void require_trusted_job(const LoadedConfig& config, const fs::path& folder) {
    std::error_code ignored;
    require_as_roots(config.values, config.caller, folder, "the folder of the job");
    for (const char* name : {job::k_job_file, job::k_state_file, job::k_history_file, job::k_orders, job::k_staging})
        if (fs::symlink_status(folder / name, ignored).type() != fs::file_type::not_found)
            require_as_roots(config.values, config.caller, folder / name, "the file");
}

void require_job(const fs::path& store, const std::string& name) {
    std::error_code ignored;
    if (!fs::exists(store / name / job::k_job_file, ignored) &&
        (!fs::exists(store / name, ignored) || job::checkpoint_files(store / name, name).empty()))
        throw Error(Fault::usage, fmt::format("there is no job {} in {}", printable(name), printable(store.string())))
            .hint("cedana client ps lists those that there are; to begin one, give the command that it is to run");
}

std::string event_text(std::string_view event, const Json& more) {
    if (event == "running")
        return running_text(more);
    if (event == "checkpoint")
        return checkpoint_text(more);
    if (event == "checkpoint_failed")
        return failed_checkpoint_text(more);
    if (event == "made_anew")
        return fmt::format("{} {}: made anew from the checkpoints in the folder, {}", word(more, "file"),
                           word(more, "why"), number_in(more, "checkpoints"));
    if (event == "gone")
        return gone_text(more);
    if (event == "folder_made_anew")
        return "its folder, or what was in it, was removed: it is made anew";
    if (event == "restore_failed" || event == "damaged")
        return fmt::format("{} does not come back: {}", word(more, "checkpoint"), word(more, "message"));
    if (event == "backoff")
        return fmt::format("{}; brought back in {}", end_text(more), human_seconds(more.value("seconds", 0.0)));
    if (event == "done" || event == "ended" || event == "failed")
        return more.contains("message") ? "failed: " + word(more, "message")
                                        : fmt::format("{}{}{}", end_text(more), event == "failed" ? ", too often" : "",
                                                      after_end_text(more));
    if (event == "checkpointed" || event == "stopped")
        return fmt::format("{}{}", event, more.contains("how") ? after_end_text(more) : ", goes on with the next run");
    if (event == "waiting")
        return fmt::format("waiting up to {} whether {} still has the job", human_seconds(more.value("seconds", 0.0)),
                           word(more, "host"));
    if (event == "lease_lost")
        return "another host has taken the job over; this copy was ended";
    if (event == "too_late")
        return "the checkpoint took longer than there was time: the signal is passed on";
    if (event == "notice")
        return more.contains("seconds")
                   ? fmt::format("this host is to go in {}", human_seconds(more.value("seconds", 0.0)))
                   : "this host is to go";
    if (event == "done_already")
        return "is done; without --once it would start anew";
    return {};
}

} // namespace cedana
