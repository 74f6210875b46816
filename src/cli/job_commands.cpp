// SPDX-License-Identifier: Apache-2.0
// ps, checkpoint, stop and history: what is asked of jobs that somebody else looks after.
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/time_text.hpp"
#include "cedana/base/users.hpp"
#include "cedana/base/warned.hpp"
#include "cedana/cli/commands.hpp"
#include "cedana/cli/jobs.hpp"
#include "cedana/cli/output.hpp"
#include "cedana/cli/table.hpp"
#include "cedana/cli/terminal.hpp"
#include "cedana/files/default_store.hpp"
#include "cedana/job/found_checkpoints.hpp"
#include "cedana/job/lease.hpp"
#include "cedana/job/name.hpp"
#include "cedana/job/orders.hpp"
#include "cedana/job/state.hpp"
#include "cedana/model/callers_place.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <poll.h>
#include <unistd.h>

namespace cedana {

namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

struct JobArguments {
    std::string name;
    std::optional<fs::path> store;
    bool watch = false;
    bool no_checkpoint = false;
};

struct SeenJob {
    job::JobRecord record;
    job::JobState state;
    // Somebody looks after it, or may do so where it is not seen from here.
    bool is_held = false;
};

// Absent for what is no job's folder.
std::optional<SeenJob> look_at_job(const fs::path& folder) {
    const auto record = job::read_record(folder);
    if (!record)
        return std::nullopt;
    const int epoch = job::highest_lease(folder);
    const auto lease = epoch == 0 ? std::nullopt : job::read_lease(folder, epoch);
    const bool is_held = lease && job::look_at(*lease, job::own_host(), is_at_work) != job::LeaseLook::free;
    SeenJob seen{.record = *record, .state = job::read_state(folder).value_or(job::JobState{}), .is_held = is_held};
    job::take_out_gone(seen.state.chain, folder);
    return seen;
}

// What is active and looked after by nobody goes on with the next run.
std::string state_of(const SeenJob& seen) {
    return is_active(seen.state.phase) && !seen.is_held ? "interrupted" : std::string(name_of(seen.state.phase));
}

// What has checkpoints of a job and does not say whose they are is a damaged one.
void require_no_checkpoints(const fs::path& folder) {
    std::error_code error;
    const std::string name = folder.filename().string();
    if (job::is_job_name(name) && fs::is_directory(folder, error) && !job::checkpoint_files(folder, name).empty())
        throw Error(Fault::checkpoint, fmt::format("{} is missing, and there are checkpoints beside it",
                                                   printable((folder / job::k_job_file).string())))
            .hint("put it back, or move the job's folder away to begin anew; its checkpoints can be restored by their "
                  "paths");
}

// The first run makes the usual one.
std::vector<fs::path> folders_in(const fs::path& store) {
    std::error_code error;
    if (store == k_default_store && !fs::exists(store, error) && !error)
        return {};
    std::vector<fs::path> folders = entries_of(store, error);
    if (error)
        throw Error(fault_of_errno(error.value(), Fault::storage),
                    fmt::format("cannot read the store {}: {}", printable(store.string()), error.message()));
    std::ranges::sort(folders);
    return folders;
}

// Of all, those that cannot be read are counted, with a warning each.
struct SeenJobs {
    std::vector<SeenJob> jobs = {};
    std::size_t unreadable = 0;
};
SeenJobs read_jobs(const LoadedConfig& config, const fs::path& store, const std::string& name, Warned& warned) {
    std::error_code error;
    const std::vector<fs::path> folders = name.empty() ? folders_in(store) : std::vector{store / name};
    SeenJobs seen_jobs;
    std::vector<SeenJob>& jobs = seen_jobs.jobs;
    for (const fs::path& folder : folders)
        try {
            if (!fs::exists(folder / job::k_job_file, error)) {
                require_no_checkpoints(folder);
                continue;
            }
            // Behind sudo it is root who reads what a link in there leads to.
            if (acts_as_root_for(config.caller))
                require_trusted_job(config, folder);
            if (auto seen = look_at_job(folder))
                jobs.push_back(std::move(*seen));
        } catch (const Error& failure) {
            // One that cannot be understood, or is not for this user, hides no other one.
            if (!name.empty())
                throw;
            ++seen_jobs.unreadable;
            const std::string text = fmt::format("job {}: {}{}{}", printable(folder.filename().string()),
                                                 failure.message(), failure.hint().empty() ? "" : "; ", failure.hint());
            warned.fails(text, text);
        }
    if (!name.empty() && jobs.empty())
        throw Error(Fault::usage, fmt::format("there is no job {} in {}", printable(name), printable(store.string())))
            .hint("cedana client ps lists those that there are");
    return seen_jobs;
}

bool has_pid(const SeenJob& seen) { return seen.state.pid != 0 && seen.is_held; }

const job::JobCheckpoint* newest_good(const std::vector<job::JobCheckpoint>& chain) {
    const auto good = std::ranges::find(chain, false, &job::JobCheckpoint::damaged);
    return good == chain.end() ? nullptr : &*good;
}

// The one of that folder. Throws Error(Fault::usage) if there is none.
std::vector<SeenJob> read_job(const LoadedConfig& config, const fs::path& folder) {
    Warned warned;
    return read_jobs(config, folder.parent_path(), folder.filename().string(), warned).jobs;
}

Json to_json(const SeenJob& seen) {
    Json json = {{"name", seen.record.name},
                 {"state", state_of(seen)},
                 {"command", seen.record.argv},
                 {"user", seen.record.user}};
    const nlohmann::json state = seen.state;
    for (const char* key :
         {"since", "host", "pid", "supervisor", "epoch", "restored_from", "restarts", "restarts_in_all",
          "checkpoints_in_all", "failed_checkpoints", "restores_in_all", "failed_restores", "failures", "last_attempt",
          "last_failure", "next", "outcome", "checkpoints"})
        json[key] = state.at(key);
    if (!has_pid(seen))
        json["pid"] = nullptr;
    for (const char* key : {"restored_from", "last_attempt", "last_failure", "next"})
        json[key] = text_or_null(json.at(key).get<std::string>());
    for (Json& one : json["checkpoints"])
        one["made_after"] = text_or_null(one.at("made_after").get<std::string>());
    const job::JobCheckpoint* good = newest_good(seen.state.chain);
    json["goes_on_from"] = good == nullptr ? Json(nullptr) : Json(good->file);
    return json;
}

std::string age_text(const std::string& time) {
    const auto when = parse_utc_iso(time);
    if (!when)
        return "-";
    return human_age(std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now() - *when));
}

std::string end_cell(const SeenJob& seen) {
    if (is_active(seen.state.phase) || !seen.state.end)
        return "";
    return std::to_string(seen.state.end->shell_code());
}

// How old the one is that a next run goes on from, and whether later ones have failed.
std::string checkpoint_cell(const SeenJob& seen) {
    const job::JobCheckpoint* good = newest_good(seen.state.chain);
    const std::string age = good == nullptr ? "none" : age_text(good->created) + " ago";
    if (seen.state.failures == 0)
        return good == nullptr ? "-" : age;
    return fmt::format("{}, {} failed", age, seen.state.failures);
}

Table table_of_jobs(const std::vector<SeenJob>& jobs) {
    Table table({{.title = "JOB"},
                 {.title = "STATE"},
                 {.title = "FOR", .align = Align::right},
                 {.title = "PID", .align = Align::right},
                 {.title = "CHECKPOINT", .align = Align::right},
                 {.title = "SIZE", .align = Align::right, .rank = 1},
                 {.title = "RESTARTS", .align = Align::right, .rank = 2},
                 {.title = "CODE", .align = Align::right, .rank = 2},
                 {.title = "HOST", .rank = 1},
                 {.title = "COMMAND", .elastic = true}});
    for (const SeenJob& seen : jobs) {
        const job::JobCheckpoint* good = newest_good(seen.state.chain);
        table.add({printable(seen.record.name), state_of(seen), age_text(seen.state.since),
                   !has_pid(seen) ? "-" : std::to_string(seen.state.pid), checkpoint_cell(seen),
                   good == nullptr ? "-" : human_bytes(good->bytes), std::to_string(seen.state.restarts_in_all),
                   end_cell(seen), printable(seen.state.host),
                   printable(fmt::format("{}", fmt::join(seen.record.argv, " ")))});
    }
    return table;
}

std::string shown(const LoadedConfig& config, const fs::path& store, const std::string& name, Format format,
                  Warned& warned) {
    const auto [jobs, unreadable] = read_jobs(config, store, name, warned);
    if (format == Format::json) {
        Json list = Json::array();
        for (const SeenJob& seen : jobs)
            list.push_back(to_json(seen));
        return json_line({{"store", store.string()}, {"jobs", std::move(list)}});
    }
    if (jobs.empty() && unreadable != 0)
        return "no other jobs";
    return jobs.empty() ? std::string() : table_text(table_of_jobs(jobs));
}

// As many of its lines as a terminal of that height shows with the cursor below them; 0: all.
std::string in_rows(const std::string& text, std::size_t rows) {
    std::vector<std::string> lines = split(text, '\n');
    constexpr std::size_t k_least = 3;
    if (rows < k_least || lines.size() < rows)
        return text;
    const std::size_t left_out = lines.size() - (rows - 2);
    lines.resize(rows - 2);
    return fmt::format("{}\n… and {} more", fmt::join(lines, "\n"), left_out);
}

// Whoever read a pipe has closed it (poll(2)).
bool has_lost_its_reader(int fd) {
    pollfd entry{.fd = fd, .events = 0, .revents = 0};
    return ::poll(&entry, 1, 0) == 1 && (entry.revents & POLLERR) != 0;
}

void show_jobs(const JobArguments& arguments, const CommonArguments& common, const Interrupt& interrupt) {
    constexpr std::chrono::seconds k_look_every{1};
    const LoadedConfig config = load_config_for(common);
    const fs::path store = find_store(arguments.store, config.values);
    std::string before;
    Warned warned;
    do {
        const std::string text = shown(config, store, arguments.name, common.format, warned);
        if (text.empty() && !arguments.watch)
            return print_note(fmt::format("no jobs in {}", printable(store.string())));
        if (text != before) {
            const bool redraws = arguments.watch && ::isatty(STDOUT_FILENO) == 1;
            print_line(redraws ? "\033[H\033[J" + in_rows(text, terminal_height(STDOUT_FILENO)) : text);
        }
        before = text;
        if (arguments.watch && has_lost_its_reader(STDOUT_FILENO))
            throw ReaderGone{};
    } while (arguments.watch && !interrupt.pending_within(k_look_every));
}

fs::path folder_of(const JobArguments& arguments, const LoadedConfig& config) {
    job::require_job_name(arguments.name);
    return find_store(arguments.store, config.values) / arguments.name;
}

Error does_not_run(const std::string& name) {
    return Error(Fault::no_process, fmt::format("the job {} does not run", name))
        .hint(fmt::format("go on with it: cedana client run --job {}", name));
}

std::string supervisor_of(const SeenJob& seen) {
    return fmt::format("the supervisor of the job (pid {} on {})", seen.state.supervisor, printable(seen.state.host));
}

// A store that takes no order (it is full) is not the only way to the one who is to have it.
job::Order give_order(const fs::path& folder, job::OrderKind kind, const SeenJob& seen) {
    try {
        return job::give_order(folder, kind);
    } catch (Error& error) {
        if (kind != job::OrderKind::stop_now)
            error.hint(fmt::format("`kill -{} {}` on {} asks for the same",
                                   kind == job::OrderKind::stop ? "TERM" : "USR2", seen.state.supervisor,
                                   printable(seen.state.host)));
        throw;
    }
}

// Whoever looks after the job does it; its answer.
Json carry_out_by_supervisor(const JobArguments& arguments, const LoadedConfig& config, job::OrderKind kind,
                             const Interrupt& interrupt) {
    constexpr std::chrono::milliseconds k_look_every{100};
    // It looks every second (supervisor_watch.cpp).
    constexpr std::chrono::seconds k_usually_taken_within{10};
    const fs::path folder = folder_of(arguments, config);
    require_place_of_caller(config, folder.parent_path(), "the store");
    const std::vector<SeenJob> jobs = read_job(config, folder);
    const job::JobRecord& record = jobs.front().record;
    if (acts_as_root_for(config.caller) && record.uid != config.caller.uid && !may_become_root(config.caller))
        throw Error(Fault::permission,
                    fmt::format("the job {} is that of user {}", printable(arguments.name), printable(record.user)))
            .hint("only its user, or root, gives it orders");
    if (!jobs.front().is_held)
        throw does_not_run(arguments.name);
    const job::Order order = give_order(folder, kind, jobs.front());
    auto warn_at = std::optional(std::chrono::steady_clock::now() + k_usually_taken_within);
    while (!interrupt.pending_within(k_look_every)) {
        if (auto answer = job::take_answer(folder, order))
            return std::move(*answer);
        if (const auto seen = look_at_job(folder); !seen || !seen->is_held) {
            // It may have answered just before it ended.
            if (auto answer = job::take_answer(folder, order))
                return std::move(*answer);
            static_cast<void>(job::take_back(folder, order));
            throw does_not_run(arguments.name);
        }
        if (warn_at && std::chrono::steady_clock::now() >= *warn_at) {
            warn_at.reset();
            if (job::is_waiting(folder, order))
                spdlog::warn("{} has not heard of this yet: it is stopped, or its store does not answer",
                             supervisor_of(jobs.front()));
        }
    }
    throw Error(Fault::interrupted, job::take_back(folder, order)
                                        ? "interrupted; the job had not heard of it yet"
                                        : "interrupted; what was asked of the job may be done all the same");
}

// What it goes on from, for who has no new one.
std::string next_hint(const Json& answer) {
    const auto when = parse_utc_iso(answer.value("goes_on_from_created", Json(nullptr)).is_string()
                                        ? answer.at("goes_on_from_created").get<std::string>()
                                        : "");
    return next_run_text(answer) + (when ? fmt::format(" ({} ago)", age_text(answer.at("goes_on_from_created"))) : "");
}

// The same of one that runs on.
std::string last_hint(const Json& answer) {
    const auto last = answer.find("last_created");
    if (last == answer.end())
        return {};
    return last->is_null() ? "it has none yet"
                           : fmt::format("its last one is {} of {} ({} ago)", answer.at("last").get<std::string>(),
                                         last->get<std::string>(), age_text(last->get<std::string>()));
}

Fault fault_in(const Json& answer, Fault otherwise) {
    return static_cast<Fault>(answer.value("fault", static_cast<int>(otherwise)));
}

void make_checkpoint(const JobArguments& arguments, const CommonArguments& common, const Interrupt& interrupt) {
    const LoadedConfig config = load_config_for(common);
    require_root("checkpoint jobs");
    const Json answer = carry_out_by_supervisor(arguments, config, job::OrderKind::checkpoint, interrupt);
    if (answer.contains("message") || !answer.contains("checkpoint"))
        throw Error(fault_in(answer, Fault::dump_failed), fmt::format("no checkpoint of the job {}: {}", arguments.name,
                                                                      answer.value("message", "the dump failed")))
            .hint(last_hint(answer));
    if (common.format == Format::json)
        return print_json_result(answer);
    print_result(answer.at("checkpoint").get<std::string>());
}

void stop_job(const JobArguments& arguments, const CommonArguments& common, const Interrupt& interrupt) {
    const LoadedConfig config = load_config_for(common);
    require_root("stop jobs");
    const auto kind = arguments.no_checkpoint ? job::OrderKind::stop_now : job::OrderKind::stop;
    const Json answer = carry_out_by_supervisor(arguments, config, kind, interrupt);
    if (answer.contains("message"))
        throw Error(fault_in(answer, Fault::process_lost),
                    fmt::format("the job {} has ended without a new checkpoint: {}", arguments.name,
                                answer.at("message").get<std::string>()))
            .hint(next_hint(answer));
    if (common.format == Format::json)
        return print_json_result(answer);
    if (!answer.at("checkpoint").is_null())
        return print_result(answer.at("checkpoint").get<std::string>());
    // Nobody asked for one, or there was nothing to make one of.
    print_result(answer.at("state").get<std::string>());
    if (answer.contains("how") && answer.at("state") != "done")
        print_note("no new checkpoint; " + next_hint(answer));
}

// Absent for one that has values of other kinds than it must have.
std::optional<std::string> history_line(const Json& event) {
    try {
        const std::string kind = event.at("event");
        const std::string said = event_text(kind, event);
        return fmt::format("{}  {}", printable(event.at("time").get<std::string>()),
                           said.empty() ? printable(kind) : said);
    } catch (const Json::exception&) {
        return std::nullopt;
    }
}

void show_history(const JobArguments& arguments, const CommonArguments& common) {
    const LoadedConfig config = load_config_for(common);
    const fs::path folder = folder_of(arguments, config);
    static_cast<void>(read_job(config, folder));
    job::History history = job::read_history(folder);
    if (common.format == Format::json) {
        print_json({{"name", arguments.name}, {"events", history.events}});
    } else {
        for (const Json& event : history.events) {
            const auto line = history_line(event);
            history.damaged += line ? 0 : 1;
            if (line)
                print_line(*line);
        }
    }
    if (history.damaged != 0)
        spdlog::warn("{} of the lines of {} cannot be understood", history.damaged,
                     printable((folder / job::k_history_file).string()));
}

Option name_argument(JobArguments& arguments, bool required) {
    return {.names = {"NAME"},
            .meaning = required ? "the job" : "the job; none: all of the store",
            .target = &arguments.name,
            .required = required};
}

} // namespace

Command ps_command() {
    const auto arguments = std::make_shared<JobArguments>();
    return {.name = "ps",
            .summary = "the jobs of a store, and their last checkpoints",
            .options = {name_argument(*arguments, false),
                        store_option(arguments->store),
                        {.names = {"--watch"},
                         .meaning = "show them again whenever something has changed",
                         .target = &arguments->watch}},
            .examples = {"sudo cedana client ps --watch"},
            .run = [arguments](const CommonArguments& common, const Interrupt& interrupt) {
                show_jobs(*arguments, common, interrupt);
            }};
}

Command checkpoint_command() {
    const auto arguments = std::make_shared<JobArguments>();
    return {.name = "checkpoint",
            .summary = "have a job make a checkpoint now, and run on",
            .options = {name_argument(*arguments, true), store_option(arguments->store)},
            .examples = {"sudo cedana client checkpoint train"},
            .run = [arguments](const CommonArguments& common, const Interrupt& interrupt) {
                make_checkpoint(*arguments, common, interrupt);
            }};
}

Command stop_command() {
    const auto arguments = std::make_shared<JobArguments>();
    return {.name = "stop",
            .summary = "end a job with a checkpoint; the next run goes on",
            .options = {name_argument(*arguments, true),
                        store_option(arguments->store),
                        {.names = {"--no-checkpoint"},
                         .meaning = "send the program a SIGTERM instead",
                         .target = &arguments->no_checkpoint}},
            .examples = {"sudo cedana client stop train"},
            .run = [arguments](const CommonArguments& common, const Interrupt& interrupt) {
                stop_job(*arguments, common, interrupt);
            }};
}

Command history_command() {
    const auto arguments = std::make_shared<JobArguments>();
    return {.name = "history",
            .summary = "what has happened to a job",
            .options = {name_argument(*arguments, true), store_option(arguments->store)},
            .examples = {"sudo cedana client history train"},
            .run = [arguments](const CommonArguments& common, const Interrupt&) { show_history(*arguments, common); }};
}

} // namespace cedana
