// SPDX-License-Identifier: Apache-2.0
#include "cedana/cli/completion.hpp"

#include "cedana/base/text.hpp"

#include <algorithm>

#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

const Option* find_option(const std::vector<Option>& options, std::string_view name) {
    const auto found = std::ranges::find_if(options, [&](const Option& option) {
        return !option.is_positional() && std::ranges::count(option.names, name) != 0;
    });
    return found == options.end() ? nullptr : &*found;
}

// The words up to the last one, understood as far as they go.
class TypedLine {
  public:
    TypedLine(const Command& program, const std::vector<std::string>& words)
        : program_(&program), command_(&program), options_(program.options) {
        for (std::size_t i = 0; i + 1 < words.size(); ++i)
            take(words[i]);
        last_ = words.empty() ? std::string() : words.back();
    }

    Offers offers(const OfferSources& sources) const {
        if (pending_ != nullptr)
            return values_of(*pending_, sources);
        if (last_.starts_with('-'))
            return option_names();
        Offers found = commands();
        if (!found.words.empty())
            return found;
        std::vector<const Option*> positionals;
        for (const Option& option : options_)
            if (option.is_positional() && !option.hidden)
                positionals.push_back(&option);
        if (positionals.empty() || (positional_ >= positionals.size() && !positionals.back()->is_repeated()))
            return {};
        return values_of(*positionals[std::min(positional_, positionals.size() - 1)], sources);
    }

  private:
    void take(const std::string& word) {
        if (pending_ != nullptr) {
            if (pending_->complete == Complete::folders)
                folder_ = word;
            pending_ = nullptr;
        } else if (word.starts_with('-')) {
            const Option* option = find_option(options_, word);
            pending_ = option != nullptr && !option->value.empty() ? option : nullptr;
        } else if (const Command* inner = find_command(word)) {
            command_ = inner;
            options_ = inner->options;
            // Those of the program may stand behind a command too; the command's own come first.
            options_.insert(options_.end(), program_->options.begin(), program_->options.end());
        } else {
            ++positional_;
        }
    }

    [[nodiscard]] const Command* find_command(const std::string& word) const {
        const auto found = std::ranges::find(command_->commands, word, &Command::name);
        return found == command_->commands.end() ? nullptr : &*found;
    }

    [[nodiscard]] Offers commands() const {
        Offers offers;
        for (const Command& inner : command_->commands)
            if (!inner.hidden)
                offers.words.push_back({.word = inner.name, .meaning = inner.summary});
        return offers;
    }

    [[nodiscard]] Offers option_names() const {
        Offers offers;
        for (const Option& option : options_)
            if (!option.is_positional() && !option.hidden)
                offers.words.push_back({.word = option.names.back(), .meaning = option.meaning});
        return offers;
    }

    [[nodiscard]] Offers values_of(const Option& option, const OfferSources& sources) const {
        switch (option.complete) {
        case Complete::pids:
            return {.words = sources.pids()};
        case Complete::names:
            return {.words = sources.names()};
        case Complete::folders:
            return {.words = {}, .paths = Paths::folders};
        case Complete::files:
            return {.words = {}, .paths = Paths::files};
        case Complete::checkpoints:
        case Complete::checkpoints_or_latest: {
            Offers offers{.words = sources.checkpoints(folder_), .paths = Paths::files};
            if (option.complete == Complete::checkpoints_or_latest)
                offers.words.insert(offers.words.begin(), {.word = "latest", .meaning = "the newest of all"});
            return offers;
        }
        case Complete::choices: {
            Offers offers;
            for (const std::string& choice : option.choices)
                offers.words.push_back({.word = choice});
            return offers;
        }
        case Complete::nothing:
            break;
        }
        return {};
    }

    const Command* program_;
    const Command* command_;
    std::vector<Option> options_;
    // The option whose value comes next.
    const Option* pending_ = nullptr;
    std::size_t positional_ = 0;
    std::string folder_;
    std::string last_;
};

constexpr std::string_view k_bash = R"(# bash completion for cedana; load it with: source <(cedana completion bash)
_cedana() {
    local current=${COMP_WORDS[COMP_CWORD]} line word
    local -a lines=()
    mapfile -t lines < <("${COMP_WORDS[0]}" completion words -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    COMPREPLY=()
    for line in "${lines[@]}"; do
        case $line in
        :files) compopt -o default ;;
        :folders) compopt -o dirnames ;;
        *)
            word=${line%%$'\t'*}
            [[ $word == "$current"* ]] && COMPREPLY+=("$line")
            ;;
        esac
    done
    # A single word is inserted as it is; of several their meanings are shown too.
    if [ ${#COMPREPLY[@]} -eq 1 ]; then
        COMPREPLY=("${COMPREPLY[0]%%$'\t'*}")
    else
        COMPREPLY=("${COMPREPLY[@]/$'\t'/  # }")
    fi
}
complete -o nosort -F _cedana cedana
)";

constexpr std::string_view k_zsh = R"(#compdef cedana
# zsh completion for cedana: put this file as _cedana into a folder of $fpath.
_cedana() {
    local line
    local -a offered
    for line in "${(@f)$(${words[1]} completion words -- "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
        case $line in
        (:files) _files ;;
        (:folders) _files -/ ;;
        (?*) offered+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}") ;;
        esac
    done
    (( ${#offered} )) && _describe -V cedana offered
}
if [ "$funcstack[1]" = _cedana ]; then
    _cedana "$@"
else
    compdef _cedana cedana
fi
)";

constexpr std::string_view k_fish = R"(# fish completion for cedana; load it with: cedana completion fish | source
function __cedana_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in ($words[1] completion words -- $words[2..-1] "$current" 2>/dev/null)
        switch $line
            case ':files'
                __fish_complete_path "$current"
            case ':folders'
                __fish_complete_directories "$current"
            case '*'
                printf '%s\n' $line
        end
    end
end
complete -c cedana -f -k -a '(__cedana_complete)'
)";

} // namespace

Offers complete(const Command& program, const std::vector<std::string>& words, const OfferSources& sources) {
    return TypedLine(program, words).offers(sources);
}

std::string offers_text(const Offers& offers) {
    std::string text;
    for (const Offer& offer : offers.words)
        text += printable(offer.word) +
                (offer.meaning.empty() ? std::string() : fmt::format("\t{}", printable(offer.meaning))) + "\n";
    return text + (offers.paths == Paths::files ? ":files\n" : offers.paths == Paths::folders ? ":folders\n" : "");
}

std::string_view completion_script(std::string_view shell) {
    return shell == "bash" ? k_bash : shell == "zsh" ? k_zsh : shell == "fish" ? k_fish : std::string_view();
}

} // namespace cedana
