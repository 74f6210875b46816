// SPDX-License-Identifier: Apache-2.0
#include "cedana/cli/parser.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"
#include "cedana/cli/command_text.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <type_traits>
#include <utility>

#include <CLI/CLI.hpp>
#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

// "-p,--pid"
std::string joined_names(const Option& option) { return fmt::format("{}", fmt::join(option.names, ",")); }

// What CLI11 is to say of a word that is no such number; empty if it is one.
template <typename Number>
std::string flaw_of_number(const std::string& text) {
    std::int64_t number = 0;
    const bool fits = parse_number(text, number) && std::in_range<Number>(number);
    return fits || text.empty() ? std::string() : fmt::format("'{}', which is not a whole number", printable(text));
}

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
        // Of what a script fills in and has not got ("-p $PID") CLI11 makes an option that was not given.
        if (!option.hidden)
            added->check([](const std::string& text) { return std::string(text.empty() ? "an empty word" : ""); });
        if constexpr (std::is_same_v<Value, std::optional<int>> || std::is_same_v<Value, std::optional<std::int64_t>>)
            added->check(&flaw_of_number<typename Value::value_type>);
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
    Parser(const Command& program, int argc, const char* const* argv)
        : app_(program.summary, program.name), words_(argv, argv + argc) {
        fill(app_, program);
    }

    Parsed parse(int argc, const char* const* argv) {
        first_word_ = first_word(argc, argv);
        require_values(argc, argv);
        try {
            app_.parse(argc, argv);
        } catch (const CLI::CallForHelp&) {
            return parsed_as(Wanted::help);
        } catch (const CLI::CallForVersion&) {
            return parsed_as(Wanted::version);
        } catch (const CLI::ParseError& error) {
            // The program or a group alone.
            if (argc <= 1 + depth() && !parsed_as(Wanted::run).command->commands.empty())
                return parsed_as(Wanted::help);
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
                for (const std::string& other : split(option.excludes, ','))
                    added->excludes(app.get_option(other));
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
            added->positionals_at_end(inner.runs_a_command);
            // One that is not named cannot be meant, and to fill in all of them takes 2 ms.
            if (words_.contains(inner.name))
                fill(*added, inner);
            else
                commands_[added] = &inner;
        }
    }

    // The innermost command that was given.
    [[nodiscard]] const CLI::App& given_app() const {
        const CLI::App* app = &app_;
        while (!app->get_subcommands().empty())
            app = app->get_subcommands().front();
        return *app;
    }

    // How many commands were given, a group and what is in it being two.
    [[nodiscard]] int depth() const {
        int count = 0;
        for (const CLI::App* app = &given_app(); app->get_parent() != nullptr; app = app->get_parent())
            ++count;
        return count;
    }

    [[nodiscard]] Parsed parsed_as(Wanted wanted) const {
        const CLI::App& app = given_app();
        const Command* const command = commands_.at(&app);
        std::string path = app.get_name();
        for (const CLI::App* parent = app.get_parent(); parent != nullptr; parent = parent->get_parent())
            path.insert(0, parent->get_name() + " ");
        if (!command->short_for.empty())
            path = app_.get_name() + " " + command->short_for;
        return {.wanted = wanted, .command = command, .path = path};
    }

    // CLI11 would take the word behind "--pid=" for the value.
    static void require_values(int argc, const char* const* argv) {
        for (int i = 1; i < argc && std::string_view(argv[i]) != "--"; ++i) {
            const std::string_view word = argv[i];
            if (word.starts_with("--") && word.size() > 3 && word.find('=') == word.size() - 1)
                throw Error(Fault::usage, fmt::format("{} has no value", printable(word)));
        }
    }

    [[nodiscard]] Error explained(const CLI::ParseError& error) const {
        const Parsed parsed = parsed_as(Wanted::run);
        std::string message = unknown_first_word();
        if (message.empty())
            message = unknown_command(*parsed.command);
        if (message.empty())
            message = unknown_option(*parsed.command);
        if (message.empty())
            message = phrase_of(error, *parsed.command);
        Error usage_error(Fault::usage, message);
        return usage_error.hint(fmt::format("{} --help", parsed.path));
    }

    // CLI11 has no data of what is wrong, but a sentence for each kind of it.
    [[nodiscard]] std::string phrase_of(const CLI::ParseError& error, const Command& command) const {
        std::string said = error.what();
        const auto part = [&](std::string_view middle, bool first) {
            const std::size_t at = said.find(middle);
            return first ? said.substr(0, at) : at == std::string::npos ? "" : said.substr(at + middle.size());
        };
        // What follows a value that is refused was not looked at.
        if (dynamic_cast<const CLI::ValidationError*>(&error) != nullptr)
            return fmt::format("{} got {}", part(": ", true), part(": ", false));
        if (const std::vector<std::string> words = app_.remaining(true); !words.empty())
            return fmt::format("'{}' is one word too many", printable(words.front()));
        if (dynamic_cast<const CLI::ExcludesError*>(&error) != nullptr)
            return fmt::format("{} and {} do not go together", part(" excludes ", true), part(" excludes ", false));
        if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr)
            return command.commands.empty() ? part(" is required", true) + " is missing" : "a command is missing";
        if (dynamic_cast<const CLI::RequiresError*>(&error) != nullptr)
            return fmt::format("{} is of use only with {}", part(" requires ", true), part(" requires ", false));
        if (said.find(": At Most ") != std::string::npos)
            return fmt::format("{} is given more than once", part(":", true));
        if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr)
            return fmt::format("{} needs a value", part(":", true));
        if (dynamic_cast<const CLI::ConversionError*>(&error) != nullptr && said.starts_with("Could not convert: "))
            return fmt::format("{} takes no value", said.substr(19, said.find(" = ") - 19));
        return said;
    }

    static std::string unknown_word(std::string_view kind, const std::string& word,
                                    const std::vector<std::string>& known) {
        const std::string near = nearest(word, known);
        return fmt::format("there is no {} '{}'{}", kind, printable(word),
                           near.empty() ? "" : fmt::format("; did you mean {}?", near));
    }

    // The first word that is no option, nor the value of one of the program's; empty if there is none.
    [[nodiscard]] std::string first_word(int argc, const char* const* argv) const {
        for (int i = 1; i < argc; ++i) {
            std::string word = argv[i];
            if (!word.starts_with('-'))
                return word;
            for (const Option& option : commands_.at(&app_)->options)
                if (!option.value.empty() && std::ranges::count(option.names, word) != 0)
                    ++i;
        }
        return {};
    }

    // CLI11 takes a command that follows it, and the word for a superfluous one.
    [[nodiscard]] std::string unknown_first_word() const {
        const std::vector<Command>& known = commands_.at(&app_)->commands;
        if (first_word_.empty() || std::ranges::find(known, first_word_, &Command::name) != known.end() ||
            &given_app() == &app_)
            return {};
        std::vector<std::string> names;
        for (const Command& command : known)
            names.push_back(command.name);
        return unknown_word("command", first_word_, names);
    }

    // CLI11 says of a command that it does not know only that one is required. Empty if no command was given.
    [[nodiscard]] std::string unknown_command(const Command& command) const {
        std::vector<std::string> known;
        for (const Command& inner : command.commands)
            if (!inner.hidden)
                known.push_back(inner.name);
        const std::vector<std::string> words = app_.remaining(true);
        if (known.empty() || words.empty() || words.front().starts_with('-'))
            return {};
        if (const std::string elsewhere = nearest(words.front(), known).empty() ? command_elsewhere(words.front()) : "";
            !elsewhere.empty())
            return fmt::format("there is no command '{}' here; did you mean {}?", printable(words.front()), elsewhere);
        return unknown_word("command", words.front(), known);
    }

    // The command of another group that the word most likely means, with the words before it; empty if none is near.
    [[nodiscard]] std::string command_elsewhere(const std::string& word) const {
        const Command& program = *commands_.at(&app_);
        std::map<std::string, std::string> paths;
        for (const Command& command : program.commands) {
            if (!command.hidden)
                paths.emplace(command.name, program.name + " " + command.name);
            for (const Command& inner : command.commands)
                if (!inner.hidden)
                    paths.emplace(inner.name, program.name + " " + command.name + " " + inner.name);
        }
        std::vector<std::string> names;
        for (const auto& [name, path] : paths)
            names.push_back(name);
        const std::string near = nearest(word, names);
        return near.empty() ? near : paths.at(near);
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
    // Of the command line.
    std::set<std::string, std::less<>> words_;
    std::string first_word_;
    std::map<const CLI::App*, const Command*> commands_;
};

} // namespace

Parsed parse(const Command& program, int argc, const char* const* argv) {
    return Parser(program, argc, argv).parse(argc, argv);
}

} // namespace cedana
