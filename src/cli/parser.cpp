// SPDX-License-Identifier: Apache-2.0
#include "cedana/cli/parser.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"
#include "cedana/cli/command_text.hpp"

#include <map>
#include <string_view>

#include <CLI/CLI.hpp>
#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

// "-p,--pid"
std::string joined_names(const Option& option) { return fmt::format("{}", fmt::join(option.names, ",")); }

// Adds an option by what it fills.
struct Add {
    CLI::App& app;
    const Option& option;

    CLI::Option* operator()(const PrintHelp&) const { return app.set_help_flag(joined_names(option), option.meaning); }
    CLI::Option* operator()(const PrintVersion& version) const {
        return app.set_version_flag(joined_names(option), version.text, option.meaning);
    }
    CLI::Option* operator()(bool* flag) const { return app.add_flag(joined_names(option), *flag, option.meaning); }
    CLI::Option* operator()(const std::function<void()>& work) const {
        return app.add_flag_callback(joined_names(option), work, option.meaning);
    }
    template <typename Value>
    CLI::Option* operator()(Value* value) const {
        CLI::Option* const added = app.add_option(joined_names(option), *value, option.meaning);
        if (!option.value.empty())
            added->type_name(option.value);
        if (option.one_each)
            // CLI11 would take what follows --criu-arg=ARG for one more argument.
            added->expected(1)->take_all()->allow_extra_args(false);
        return added;
    }
};

// One command line; the commands behind what CLI11 has parsed.
class Parser {
  public:
    explicit Parser(const Command& program) : app_(program.summary, program.name) { fill(app_, program); }

    Parsed parse(int argc, const char* const* argv) {
        try {
            app_.parse(argc, argv);
        } catch (const CLI::CallForHelp&) {
            return parsed_as(Wanted::help);
        } catch (const CLI::CallForVersion&) {
            return parsed_as(Wanted::version);
        } catch (const CLI::ParseError& error) {
            throw explained(error);
        }
        return parsed_as(Wanted::run);
    }

  private:
    void fill(CLI::App& app, const Command& command) {
        commands_[&app] = &command;
        // Each command would inherit that of the program, and lists its own.
        app.set_help_flag();
        for (const Option& option : command.options) {
            CLI::Option* const added = std::visit(Add{app, option}, option.target);
            if (option.required)
                added->required();
            if (option.hidden)
                added->group("");
            if (!option.excludes.empty())
                added->excludes(app.get_option(option.excludes));
            if (!option.needs.empty())
                added->needs(app.get_option(option.needs));
        }
        if (!command.commands.empty())
            app.require_subcommand(1);
        for (const Command& inner : command.commands) {
            CLI::App* const added = app.add_subcommand(inner.name, inner.summary);
            if (inner.hidden)
                added->group("");
            // Options of the program may stand behind a command too: `cedana client dump -p 1 --json`.
            added->fallthrough();
            fill(*added, inner);
        }
    }

    // The innermost command that was given.
    [[nodiscard]] const CLI::App& given_app() const {
        const CLI::App* app = &app_;
        while (!app->get_subcommands().empty())
            app = app->get_subcommands().front();
        return *app;
    }

    [[nodiscard]] Parsed parsed_as(Wanted wanted) const {
        const CLI::App& app = given_app();
        std::string path = app.get_name();
        for (const CLI::App* parent = app.get_parent(); parent != nullptr; parent = parent->get_parent())
            path.insert(0, parent->get_name() + " ");
        return {.wanted = wanted, .command = commands_.at(&app), .path = path};
    }

    [[nodiscard]] Error explained(const CLI::ParseError& error) const {
        const Parsed parsed = parsed_as(Wanted::run);
        std::string message = unknown_command(*parsed.command);
        if (message.empty())
            message = unknown_option(*parsed.command);
        Error usage_error(Fault::usage, message.empty() ? error.what() : message);
        return usage_error.hint(fmt::format("{} --help", parsed.path));
    }

    static std::string unknown_word(std::string_view kind, const std::string& word,
                                    const std::vector<std::string>& known) {
        const std::string near = nearest(word, known);
        return fmt::format("there is no {} '{}'{}", kind, printable(word),
                           near.empty() ? "" : fmt::format("; did you mean {}?", near));
    }

    // CLI11 says of a command that it does not know only that one is required. Empty if no command was given.
    [[nodiscard]] std::string unknown_command(const Command& command) const {
        std::vector<std::string> known;
        for (const Command& inner : command.commands)
            known.push_back(inner.name);
        const std::vector<std::string> words = app_.remaining(true);
        if (known.empty() || words.empty() || words.front().starts_with('-'))
            return {};
        return unknown_word("command", words.front(), known);
    }

    // Empty if every option is known.
    [[nodiscard]] std::string unknown_option(const Command& command) const {
        std::vector<std::string> known;
        for (const Command* one : {&command, commands_.at(&app_)})
            for (const Option& option : one->options)
                if (!option.hidden && !option.is_positional())
                    known.insert(known.end(), option.names.begin(), option.names.end());
        for (const std::string& word : app_.remaining(true))
            if (word.starts_with('-') && word != "--")
                return unknown_word("option", word.substr(0, word.find('=')), known);
        return {};
    }

    CLI::App app_;
    std::map<const CLI::App*, const Command*> commands_;
};

} // namespace

Parsed parse(const Command& program, int argc, const char* const* argv) { return Parser(program).parse(argc, argv); }

} // namespace cedana
