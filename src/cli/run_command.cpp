// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/base/signal_words.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/time_text.hpp"
#include "cedana/base/users.hpp"
#include "cedana/cli/commands.hpp"
#include "cedana/cli/jobs.hpp"
#include "cedana/cli/output.hpp"
#include "cedana/host/permissions.hpp"
#include "cedana/job/metrics.hpp"
#include "cedana/job/name.hpp"
#include "cedana/job/service_notice.hpp"
#include "cedana/job/supervisor.hpp"

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
    std::string interval;
    std::string restart = "on-abnormal";
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

job::CourseRules course_of(const RunArguments& arguments) {
    const auto restart = job::restart_of(arguments.restart);
    if (!restart)
        throw Error(Fault::usage, fmt::format("--restart {} is no way to restart", printable(arguments.restart)))
            .hint("one of no, on-abnormal, on-failure, always");
    if (arguments.if_unrestorable != "stop" && arguments.if_unrestorable != "start")
        throw Error(Fault::usage, fmt::format("--if-unrestorable {} is none", printable(arguments.if_unrestorable)))
            .hint("one of stop, start");
    constexpr int k_most = 1'000'000;
    const job::CourseRules usual;
    return {.restart = *restart,
            .max_restarts = number_of(arguments.max_restarts, usual.max_restarts, "--max-restarts", 0, k_most),
            .backoff = duration_of(arguments.backoff, "--backoff", usual.backoff),
            .attempts = number_of(arguments.attempts, usual.attempts, "--attempts", 1, k_most),
            .min_uptime = duration_of(arguments.min_uptime, "--min-uptime", usual.min_uptime),
            .if_unrestorable =
                arguments.if_unrestorable == "start" ? job::IfUnrestorable::start : job::IfUnrestorable::stop};
}

// Names that a user can give nobody but themselves; what they mean is asked when it is opened.
job::JobRecord record_of(const job::Program& program, const Caller& caller, const std::string& name) {
    job::JobRecord record{.name = name,
                          .argv = program.argv,
                          .cwd = program.cwd,
                          .user = caller.name,
                          .uid = program.uid,
                          .created = utc_iso(std::chrono::system_clock::now())};
    for (const std::string& variable : program.env)
        record.environment.push_back(variable.substr(0, variable.find('=')));
    return record;
}

// Told is whoever reads the messages, the service manager, and what the metrics are read by.
job::Tell teller(const CommonArguments& common, const std::string& name, const std::filesystem::path& metrics,
                 const Caller& caller) {
    return [&common, &caller, name, metrics](std::string_view event, const Json& more, const job::JobState& state) {
        const std::string said = event_text(event, more);
        if (!said.empty())
            job::tell_service_manager((event == "running" ? "READY=1\nSTATUS=" : "STATUS=") + said);
        if (!metrics.empty())
            job::write_metrics(metrics, job::metrics_text(name, state), caller);
        if (common.verbosity == Verbosity::quiet)
            return;
        if (common.format == Format::json) {
            Json line = {{"time", utc_iso(std::chrono::system_clock::now())}, {"job", name}, {"event", event}};
            line.update(more);
            print_note(json_line(line));
        } else if (!said.empty())
            print_note(fmt::format("cedana: {}: {}", name, said));
    };
}

void run(const RunArguments& arguments, const CommonArguments& common, const Interrupt& interrupt) {
    const LoadedConfig config = load_config_for(common);
    const job::CourseRules course = course_of(arguments);
    require_root("run jobs that can be checkpointed");
    if (arguments.command.empty() && arguments.name.empty())
        throw Error(Fault::usage, "neither a command nor the name of a job is given")
            .hint("cedana client run -- PROGRAM ARGUMENT…, or --job NAME to go on with one");
    const std::string name = arguments.name.empty() ? job::default_job_name(arguments.command) : arguments.name;
    job::require_job_name(name);
    job::Program program;
    if (!arguments.command.empty())
        program = job::program_for(config.caller, arguments.command);
    else
        require_job(find_store(arguments.store, config.values), name);
    const std::filesystem::path folder = open_job_folder(arguments.store, name, config);
    const Keyring keyring(config.values);
    job::RunRequest request{
        .folder = folder,
        .name = name,
        .record = program.argv.empty() ? job::JobRecord{} : record_of(program, config.caller, name),
        .program = program,
        .course = course,
        .stop_signals = signals_of(arguments.stop_signals),
        .deadline = duration_of(arguments.deadline, "--deadline", {}),
        .checkpointed_code = number_of(arguments.checkpointed_code, 85, "--checkpointed-code", 0, 255),
        .after = arguments.after_checkpoint == "stay" ? job::AfterCheckpoint::stays : job::AfterCheckpoint::exits,
        .lease = duration_of(arguments.lease, "--lease", std::chrono::seconds(60)),
        .keep = static_cast<std::size_t>(number_of(arguments.keep, 3, "--keep", 1, 1'000'000)),
        .keep_done = arguments.keep_done,
        .config = config,
        .keyring = keyring,
        .tell = teller(common, name, arguments.metrics, config.caller)};
    if (arguments.interval == "auto")
        request.percent = 1.0;
    else if (!arguments.interval.empty())
        request.interval = duration_of(arguments.interval, "--interval", {});
    try {
        throw EndAsProgram{job::run(request, interrupt).exit_code};
    } catch (const job::HeldElsewhere& held) {
        print_note("cedana: " + held.message);
        throw EndAsProgram{job::k_runs_elsewhere};
    }
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
             .choices = {"exit", "stay"}}};
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
         .meaning = "make a checkpoint every so often; auto: so that they cost less than 1 % of the time",
         .target = &arguments->interval}};
    for (Option& option : options_of_course(*arguments))
        options.push_back(std::move(option));
    for (Option& option : options_of_end(*arguments))
        options.push_back(std::move(option));
    options.push_back({.names = {"--lease"},
                       .value = "DURATION",
                       .meaning =
                           "how long others must see nothing of it before they take the job over (default: 60s); "
                           "0: nobody else has the store",
                       .target = &arguments->lease});
    options.push_back({.names = {"--keep"},
                       .value = "N",
                       .meaning = "how many checkpoints stay (default: 3)",
                       .target = &arguments->keep});
    options.push_back({.names = {"--keep-done"},
                       .meaning = "keep them when the job has ended with 0 too",
                       .target = &arguments->keep_done});
    options.push_back({.names = {"--metrics"},
                       .value = "FILE",
                       .meaning = "write how the job is into FILE, as OpenMetrics text, whenever that changes",
                       .target = &arguments->metrics,
                       .complete = Complete::files});
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
