// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/base/signal_words.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/time_text.hpp"
#include "cedana/base/users.hpp"
#include "cedana/cli/commands.hpp"
#include "cedana/cli/job_messages.hpp"
#include "cedana/cli/jobs.hpp"
#include "cedana/cli/output.hpp"
#include "cedana/host/permissions.hpp"
#include "cedana/job/name.hpp"
#include "cedana/job/supervisor.hpp"
#include "cedana/model/callers_place.hpp"
#include "cedana/roles/own_terminal.hpp"

#include <array>
#include <csignal>
#include <memory>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <unistd.h>

namespace cedana {

namespace {

using Json = nlohmann::ordered_json;

struct RunArguments {
    std::vector<std::string> command;
    std::string name;
    std::optional<std::filesystem::path> store;
    std::string user;
    std::vector<std::string> env;
    std::optional<std::filesystem::path> stdio;
    std::filesystem::path ready_file;
    std::string interval;
    std::string restart;
    std::optional<int> max_restarts;
    std::string backoff;
    std::optional<int> attempts;
    std::string min_uptime;
    std::string if_unrestorable = "stop";
    std::string stop_signals = "TERM,USR1";
    std::string deadline;
    std::optional<int> checkpointed_code;
    std::string after_checkpoint = "exit";
    std::string lease;
    std::optional<int> keep;
    bool keep_done = false;
    bool once = false;
    bool exit_each = false;
    bool no_pid_namespace = false;
    std::string notice;
    std::string on_failure;
    std::filesystem::path metrics;
};

std::chrono::milliseconds duration_of(const std::string& text, std::string_view option,
                                      std::chrono::milliseconds otherwise) {
    if (text.empty())
        return otherwise;
    if (text == "0")
        return std::chrono::milliseconds(0);
    const auto duration = parse_duration(text);
    if (!duration)
        throw Error(Fault::usage, fmt::format("{} {} is no duration", option, printable(text)))
            .hint("a number with s, m, h, d or w behind it: 90s, 15m, 2h, 7d, 3w");
    return *duration;
}

// What was given, or else what the configuration says.
const std::string& given_or(const std::string& given, const std::string& configured) {
    return given.empty() ? configured : given;
}

int number_of(const std::optional<int>& value, int otherwise, std::string_view option, int lowest, int highest) {
    const int number = value.value_or(otherwise);
    if (number < lowest || number > highest)
        throw Error(Fault::usage, fmt::format("{} is from {} to {}, and not {}", option, lowest, highest, number));
    return number;
}

std::set<int> signals_of(const std::string& text) {
    constexpr std::array k_known = {std::pair("TERM", SIGTERM), std::pair("USR1", SIGUSR1), std::pair("INT", SIGINT),
                                    std::pair("HUP", SIGHUP),   std::pair("QUIT", SIGQUIT), std::pair("ALRM", SIGALRM)};
    std::set<int> numbers;
    for (const std::string& word : split(text, ',')) {
        const std::string name = word.starts_with("SIG") ? word.substr(3) : word;
        const auto found = std::ranges::find(k_known, name, [](const auto& one) { return std::string(one.first); });
        if (found == k_known.end())
            throw Error(Fault::usage, fmt::format("--stop-signals: {} is none that a job can end by", printable(word)))
                .hint("some of TERM, USR1, INT, HUP, QUIT, ALRM; USR2 makes a checkpoint");
        numbers.insert(found->second);
    }
    return numbers;
}

job::CourseRules course_of(const RunArguments& arguments, const Config& config) {
    const std::string& when = given_or(arguments.restart, config.run_restart);
    const auto restart = job::restart_of(when);
    if (!restart)
        throw Error(Fault::usage, fmt::format("--restart (run.restart) {} is no way to restart", printable(when)))
            .hint("one of no, on-abnormal, on-failure, always");
    if (arguments.if_unrestorable != "stop" && arguments.if_unrestorable != "start")
        throw Error(Fault::usage, fmt::format("--if-unrestorable {} is none", printable(arguments.if_unrestorable)))
            .hint("one of stop, start");
    constexpr int k_most = 1'000'000;
    const job::CourseRules usual;
    return {.restart = *restart,
            .max_restarts = number_of(arguments.max_restarts, static_cast<int>(config.run_max_restarts),
                                      "--max-restarts", 0, k_most),
            .backoff = duration_of(arguments.backoff, "--backoff", usual.backoff),
            .attempts = number_of(arguments.attempts, usual.attempts, "--attempts", 1, k_most),
            .min_uptime = duration_of(arguments.min_uptime, "--min-uptime", usual.min_uptime),
            .if_unrestorable =
                arguments.if_unrestorable == "start" ? job::IfUnrestorable::start : job::IfUnrestorable::stop};
}

// Names that a user can give nobody but themselves; what they mean is asked when it is opened.
job::JobRecord record_of(const job::Program& program, const std::string& name) {
    job::JobRecord record{.name = name,
                          .argv = program.argv,
                          .cwd = program.cwd,
                          .user = user_name(program.uid),
                          .uid = program.uid,
                          .created = utc_iso(std::chrono::system_clock::now()),
                          .digest = job::digest_of_command(program.argv, program.cwd)};
    for (const std::string& variable : program.env)
        record.environment.push_back(variable.substr(0, variable.find('=')));
    return record;
}

void set_interval(job::RunRequest& request, const std::string& interval, std::int64_t percent) {
    if (interval == "auto")
        request.percent = static_cast<double>(percent);
    else if (const auto every = duration_of(interval, "--interval", {}); every.count() != 0)
        request.interval = every;
    if (request.exit_each && !request.percent && !request.interval)
        throw Error(Fault::usage, "--exit-each ends the job with each periodic checkpoint, and there are none")
            .hint("give --interval too");
}

// What is to be run; without a command nothing of it is to be told.
job::Program program_of(const RunArguments& arguments, const LoadedConfig& config, const std::string& name) {
    if (!arguments.command.empty())
        return job::program_for(config.caller,
                                {.argv = arguments.command, .user = arguments.user, .env = arguments.env});
    if (!arguments.user.empty() || !arguments.env.empty())
        throw Error(Fault::usage, "--user and --env are for a job that is started, and no command is given")
            .hint("a job that goes on has the user and the environment that it had");
    require_job(find_store(arguments.store, config.values), name);
    return {};
}

// With a terminal here it has one, too, for whatever is a terminal here.
std::array<bool, 3> own_terminal_ends() {
    if (!has_own_terminal())
        return {};
    return {true, ::isatty(STDOUT_FILENO) == 1, ::isatty(STDERR_FILENO) == 1};
}

UniqueFd open_stdio(const RunArguments& arguments, const Caller& caller) {
    return arguments.stdio ? open_output_for(caller, *arguments.stdio) : UniqueFd();
}

job::RunRequest run_request_of(const RunArguments& arguments, const CommonArguments& common, const LoadedConfig& config,
                               const Keyring& keyring, const std::string& name) {
    const Config& values = config.values;
    const job::CourseRules course = course_of(arguments, values);
    UniqueFd output = open_stdio(arguments, config.caller);
    job::Program program = program_of(arguments, config, name);
    if (!output && !program.argv.empty())
        program.on_terminal = own_terminal_ends();
    job::JobRecord record = program.argv.empty() ? job::JobRecord{} : record_of(program, name);
    record.has_host_pids = arguments.no_pid_namespace || !values.run_pid_namespace;
    job::RunRequest request{
        .name = name,
        .record = std::move(record),
        .program = std::move(program),
        .course = course,
        .stop_signals = signals_of(arguments.stop_signals),
        .deadline = duration_of(arguments.deadline, "--deadline", values.run_deadline),
        .checkpointed_code = number_of(arguments.checkpointed_code, 85, "--checkpointed-code", 0, 255),
        .after = arguments.after_checkpoint == "stay" ? job::AfterCheckpoint::stays : job::AfterCheckpoint::exits,
        .lease = duration_of(arguments.lease, "--lease", values.run_lease),
        .keep = static_cast<std::size_t>(
            number_of(arguments.keep, static_cast<int>(values.run_keep), "--keep", 1, 1'000'000)),
        .keep_done = arguments.keep_done,
        .wants_host_pids = arguments.no_pid_namespace,
        .once = arguments.once,
        .exit_each = arguments.exit_each,
        .notice = given_or(arguments.notice, values.run_notice),
        .on_failure = given_or(arguments.on_failure, values.run_on_failure),
        .output = std::move(output),
        .config = config,
        .keyring = keyring,
        .tell = job_teller(common, {.ready_file = arguments.ready_file, .metrics = arguments.metrics}, name, config),
        .hear = job_listener(common, name)};
    set_interval(request, given_or(arguments.interval, values.run_interval), values.run_overhead_percent);
    // No folder is made for what is wrong.
    request.folder = open_job_folder(arguments.store, name, config);
    return request;
}

void run(const RunArguments& arguments, const CommonArguments& common, const Interrupt& interrupt) {
    const LoadedConfig config = load_config_for(common);
    require_root("run jobs that can be checkpointed");
    if (arguments.command.empty() && arguments.name.empty())
        throw Error(Fault::usage, "neither a command nor the name of a job is given")
            .hint("cedana client run -- PROGRAM ARGUMENT…, or --job NAME to go on with one");
    const std::string name = arguments.name.empty() ? job::default_job_name(arguments.command) : arguments.name;
    job::require_job_name(name);
    const Keyring keyring(config.values);
    const job::RunRequest request = run_request_of(arguments, common, config, keyring, name);
    try {
        throw EndAsProgram{job::run(request, interrupt).exit_code};
    } catch (const job::HeldElsewhere& held) {
        print_note(common.format == Format::json ? json_line({{"time", utc_iso(std::chrono::system_clock::now())},
                                                              {"job", name},
                                                              {"event", "runs_elsewhere"},
                                                              {"message", held.message}})
                                                 : "cedana: " + held.message);
        throw EndAsProgram{job::k_runs_elsewhere};
    }
}

std::vector<Option> options_of_program(RunArguments& arguments) {
    return {{.names = {"--user"},
             .value = "NAME",
             .meaning = "run it as this user (default: as who calls; behind sudo that is the user, not root)",
             .target = &arguments.user},
            {.names = {"--env"},
             .value = "NAME=VALUE",
             .meaning = "a variable of its environment; may be given more than once",
             .target = &arguments.env,
             .one_each = true},
            {.names = {"--stdio"},
             .value = "FILE",
             .meaning = "add what it prints to FILE (default: it is printed here)",
             .target = &arguments.stdio,
             .complete = Complete::files},
            {.names = {"--no-pidns"},
             .meaning = "give it the pids of this host and no pid namespace of its own: it comes back only where these "
                        "are free",
             .target = &arguments.no_pid_namespace},
            {.names = {"--ready-file"},
             .value = "FILE",
             .meaning = "FILE is there, with the program's pid, as long as the program runs",
             .target = &arguments.ready_file,
             .complete = Complete::files}};
}

std::vector<Option> options_beside(RunArguments& arguments) {
    return {{.names = {"--notice"},
             .value = "CMD",
             .meaning =
                 "run CMD beside it, as who calls; once that ends with 0 the job ends as by a stop signal, in so "
                 "many seconds as CMD has printed: notice-aws, notice-gcp, notice-azure, \"notice-file FILE\"",
             .target = &arguments.notice},
            {.names = {"--on-failure"},
             .value = "CMD",
             .meaning = "run CMD, as who calls, when the job has failed, or three checkpoints in a row",
             .target = &arguments.on_failure},
            {.names = {"--metrics"},
             .value = "FILE",
             .meaning = "write how the job is into FILE, as OpenMetrics text, whenever that changes",
             .target = &arguments.metrics,
             .complete = Complete::files}};
}

std::vector<Option> options_of_store(RunArguments& arguments) {
    return {{.names = {"--lease"},
             .value = "DURATION",
             .meaning = "how long others must see nothing of it before they take the job over (default: 60s); "
                        "0: nobody else has the store",
             .target = &arguments.lease},
            {.names = {"--keep"},
             .value = "N",
             .meaning = "how many checkpoints stay (default: 3)",
             .target = &arguments.keep},
            {.names = {"--keep-done"},
             .meaning = "keep them when the job has ended with 0 too",
             .target = &arguments.keep_done},
            {.names = {"--once"},
             .meaning = "leave a job that has ended with 0 alone; else the next run starts it anew",
             .target = &arguments.once}};
}

std::vector<Option> options_of_course(RunArguments& arguments) {
    return {
        {.names = {"--restart"},
         .value = "WHEN",
         .meaning = "bring it back when it has ended: no, on-abnormal (by a signal; the default), on-failure, always",
         .target = &arguments.restart,
         .complete = Complete::choices,
         .choices = {"no", "on-abnormal", "on-failure", "always"}},
        {.names = {"--max-restarts"},
         .value = "N",
         .meaning = "how often, without a checkpoint in between (default: 5)",
         .target = &arguments.max_restarts},
        {.names = {"--backoff"},
         .value = "DURATION",
         .meaning = "how long to wait before that, doubled each time up to 5m (default: 10s)",
         .target = &arguments.backoff},
        {.names = {"--attempts"},
         .value = "N",
         .meaning = "how often one checkpoint is restored if the job ends soon after that; then the one before it "
                    "(default: 2)",
         .target = &arguments.attempts},
        {.names = {"--min-uptime"},
         .value = "DURATION",
         .meaning = "how soon that is (default: 60s)",
         .target = &arguments.min_uptime},
        {.names = {"--if-unrestorable"},
         .value = "WHAT",
         .meaning = "when every checkpoint was tried in vain: stop (the default), or start anew",
         .target = &arguments.if_unrestorable,
         .complete = Complete::choices,
         .choices = {"stop", "start"}}};
}

std::vector<Option> options_of_end(RunArguments& arguments) {
    return {{.names = {"--stop-signals"},
             .value = "NAMES",
             .meaning =
                 "signals that end it with a checkpoint (default: TERM,USR1); USR2 makes one and lets it run on, "
                 "others are passed on",
             .target = &arguments.stop_signals},
            {.names = {"--deadline"},
             .value = "DURATION",
             .meaning = "how long it has then; a checkpoint that would take longer is not compressed",
             .target = &arguments.deadline},
            {.names = {"--checkpointed-code"},
             .value = "N",
             .meaning = "the exit code after such a checkpoint (default: 85)",
             .target = &arguments.checkpointed_code},
            {.names = {"--after-checkpoint"},
             .value = "WHAT",
             .meaning = "exit (the default), or stay: sleep until killed",
             .target = &arguments.after_checkpoint,
             .complete = Complete::choices,
             .choices = {"exit", "stay"}},
            {.names = {"--exit-each"},
             .meaning = "end so after each periodic checkpoint, for a scheduler that takes the files then",
             .target = &arguments.exit_each}};
}

} // namespace

Command run_command() {
    const auto arguments = std::make_shared<RunArguments>();
    std::vector<Option> options = {
        {.names = {"CMD"},
         .meaning = "the program and its arguments; none: go on with the job that --job names",
         .target = &arguments->command},
        {.names = {"--job"},
         .value = "NAME",
         .meaning = "what the job is called (default: the program with a digest of its arguments)",
         .target = &arguments->name},
        store_option(arguments->store),
        {.names = {"--interval"},
         .value = "DURATION",
         .meaning = "make a checkpoint every so often; auto: so that they cost less than 1 % of the time; 0: none",
         .target = &arguments->interval}};
    for (auto part : {options_of_program(*arguments), options_of_course(*arguments), options_of_end(*arguments),
                      options_of_store(*arguments), options_beside(*arguments)})
        for (Option& option : part)
            options.push_back(std::move(option));
    return {.name = "run",
            .summary = "run a command that survives: started, or gone on with",
            .options = std::move(options),
            .examples = {"sudo cedana client run --interval 15m -- python3 train.py",
                         "sudo cedana client run --job train -- ./simulate input.dat"},
            .run = [arguments](const CommonArguments& common,
                               const Interrupt& interrupt) { run(*arguments, common, interrupt); },
            .runs_a_command = true};
}

} // namespace cedana
