// SPDX-License-Identifier: Apache-2.0
#include "cedana/cli/manual.hpp"

#include "cedana/base/error.hpp"
#include "cedana/model/settings.hpp"
#include "cedana/version.hpp"

#include <array>
#include <string_view>

#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

// A text as man(7) takes it: no escapes, no requests, minus signs that can be copied.
std::string roff(std::string_view text) {
    std::string out;
    for (const char c : text)
        out += c == '\\' ? "\\e" : c == '-' ? "\\-" : std::string(1, c);
    return out.starts_with('.') || out.starts_with('\'') ? "\\&" + out : out;
}

std::string heading(std::string_view name, int section) {
    return fmt::format(".TH {} {} \"\" \"cedana {}\" \"cedana\"\n", roff(name), section, k_version);
}

std::string bold_item(std::string_view item, std::string_view meaning) {
    return fmt::format(".TP\n.B {}\n{}\n", roff(item), roff(meaning));
}

std::string command_part(const CommandText& command) {
    std::string page = fmt::format(".SS {}\n{}\n", roff(command.path), roff(usage_of(command)));
    if (!command.short_path.empty())
        page += fmt::format(".br\n{}\n", roff(usage_of(command, command.short_path)));
    page += fmt::format(".PP\n{}.\n", roff(command.summary));
    for (const Option& option : command.options)
        page += bold_item(heading_of(option), option.meaning);
    for (const std::string& example : command.examples)
        page += fmt::format(".PP\nExample:\n.PP\n.RS\n.EX\n{}\n.EE\n.RE\n", roff(example));
    return page;
}

struct ExitCode {
    int code;
    std::string_view meaning;
};

constexpr std::array k_exit_codes = {
    ExitCode{0, "done"},
    ExitCode{static_cast<int>(Fault::internal), "internal fault"},
    ExitCode{static_cast<int>(Fault::usage), "usage or configuration"},
    ExitCode{static_cast<int>(Fault::no_process), "no such process, or an ambiguous name"},
    ExitCode{static_cast<int>(Fault::permission), "not permitted"},
    ExitCode{static_cast<int>(Fault::environment), "this host cannot: see cedana check"},
    ExitCode{static_cast<int>(Fault::dump_failed), "the dump failed; the process runs on, as was checked"},
    ExitCode{static_cast<int>(Fault::restore_failed), "the restore failed; nothing of it runs, files are as they were"},
    ExitCode{static_cast<int>(Fault::checkpoint),
             "the checkpoint is damaged, unsafe, not signed by a trusted key, or not a checkpoint"},
    ExitCode{static_cast<int>(Fault::storage), "storage: no space, a missing folder or mount point, a write error"},
    ExitCode{static_cast<int>(Fault::process_lost), "the dump failed and the process was lost"},
    ExitCode{static_cast<int>(Fault::target_refused),
             "the other host would not take the process, or could not bring it back; it runs on here"},
    ExitCode{static_cast<int>(Fault::connection), "the connection with the other host failed; the process runs here"},
    ExitCode{static_cast<int>(Fault::outcome_unknown),
             "the connection failed, and whether the process runs on the other host is not known"},
    ExitCode{static_cast<int>(Fault::interrupted), "interrupted"},
};

} // namespace

std::string commands_manual(const std::vector<CommandText>& commands) {
    const CommandText& program = commands.front();
    std::string page = heading("CEDANA", 1);
    page += fmt::format(".SH NAME\ncedana \\- {}\n.SH SYNOPSIS\n", roff(program.summary));
    for (const CommandText& command : commands)
        if (!command.is_group)
            page += fmt::format(".br\n{}\n", roff(usage_of(command)));
    page += ".SH DESCRIPTION\nResults go to standard output, all else to standard error. "
            "A checkpoint is one zip file; it holds the memory of the process, and with it every secret in it.\n"
            ".SH OPTIONS\nOf every command:\n";
    for (const Option& option : program.options)
        page += bold_item(heading_of(option), option.meaning);
    page += ".SH COMMANDS\n";
    for (const CommandText& command : commands)
        if (!command.is_group)
            page += command_part(command);
    page += ".SH EXIT STATUS\n";
    for (const ExitCode& code : k_exit_codes)
        page += bold_item(std::to_string(code.code), code.meaning);
    page += ".SH FILES\n" + bold_item("~/.cedana/cedana_config.json", "see cedana_config.json(5)") +
            bold_item("/var/log/cedana",
                      "logs of CRIU, of dumps and restores that failed; the last 100, and at most 64 MiB") +
            bold_item("/run/cedana", "work folders and locks of what is under way");
    page += ".SH ENVIRONMENT\n" +
            bold_item("CEDANA_CONFIG", "the config file, in place of the one in the home folder") +
            bold_item("CEDANA_GROUP_NAME", "a setting, as CEDANA_ARCHIVE_LEVEL; see cedana_config.json(5)") +
            bold_item("NO_COLOR", "if set and not empty, nothing is coloured");
    return page + ".SH SEE ALSO\ncedana_config.json(5), criu(8)\n";
}

std::string settings_manual() {
    std::string page = heading("CEDANA_CONFIG.JSON", 5);
    page += ".SH NAME\ncedana_config.json \\- settings of cedana\n"
            ".SH DESCRIPTION\nA JSON file in which comments and trailing commas are fine. The first dump or restore "
            "makes it, with all defaults as comments, as ~/.cedana/cedana_config.json of the user behind sudo. What "
            "counts, from weak to strong: "
            "the default, /etc/cedana/config.json, this file, the environment, a flag. cedana config show lists every "
            "value and where it came from.\n.SH SETTINGS\n";
    const Config defaults;
    for (const Setting& setting : settings()) {
        page += bold_item(setting.key, std::string(setting.meaning) + ".");
        page +=
            fmt::format(".RS\n.PP\nDefault: {}. Takes {}. Environment: {}.\n", roff(value_of(defaults, setting).dump()),
                        roff(expected_value(setting)), roff(setting.environment_name()));
        if (setting.set_by == SetBy::root)
            page += ".PP\nCounts only in a file that root alone can write, or when root itself runs cedana.\n";
        if (setting.set_by == SetBy::administrator)
            page += ".PP\nCounts only in /etc/cedana/config.json, or when root itself runs cedana.\n";
        page += ".RE\n";
    }
    return page + ".SH SEE ALSO\ncedana(1)\n";
}

} // namespace cedana
