// SPDX-License-Identifier: Apache-2.0
#include "cedana/cli/completion.hpp"

#include "cedana/base/text.hpp"
#include "cedana/cli/command_text.hpp"

#include <algorithm>
#include <optional>

#include <CLI/App.hpp>
#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

constexpr auto k_all = [](const CLI::App*) { return true; };

const OptionText* find_option(const std::vector<OptionText>& options, std::string_view name) {
    const auto found = std::ranges::find_if(options, [&](const OptionText& option) {
        return !option.positional && std::ranges::count(option.names, name) != 0;
    });
    return found == options.end() ? nullptr : &*found;
}

// The words up to the last one, understood as far as they go.
class TypedLine {
  public:
    TypedLine(const CLI::App& program, const std::vector<std::string>& words)
        : command_(&program), program_options_(describe_command(program).options) {
        options_ = program_options_;
        for (std::size_t i = 0; i + 1 < words.size(); ++i)
            take(words[i]);
        last_ = words.empty() ? std::string() : words.back();
    }

    Offers offers(const OfferSources& sources) const {
        if (pending_)
            return values_of(*pending_, sources);
        if (last_.starts_with('-'))
            return option_names();
        Offers found = commands();
        if (!found.words.empty())
            return found;
        std::vector<const OptionText*> positionals;
        for (const OptionText& option : options_)
            if (option.positional)
                positionals.push_back(&option);
        if (positionals.empty() || (positional_ >= positionals.size() && !positionals.back()->repeated))
            return {};
        return values_of(*positionals[std::min(positional_, positionals.size() - 1)], sources);
    }

  private:
    void take(const std::string& word) {
        if (pending_) {
            if (pending_->value == "DIR" || pending_->value == "STORE")
                folder_ = word;
            pending_ = nullptr;
        } else if (word.starts_with('-')) {
            const OptionText* option = find_option(options_, word);
            pending_ = option != nullptr && !option->value.empty() ? option : nullptr;
        } else if (const CLI::App* inner = find_command(word)) {
            command_ = inner;
            options_ = describe_command(*inner).options;
            // Those of the program may stand behind a command too; the command's own come first.
            options_.insert(options_.end(), program_options_.begin(), program_options_.end());
        } else {
            ++positional_;
        }
    }

    [[nodiscard]] const CLI::App* find_command(const std::string& word) const {
        const auto all = command_->get_subcommands(k_all);
        const auto found = std::ranges::find(all, word, [](const CLI::App* one) { return one->get_name(); });
        return found == all.end() ? nullptr : *found;
    }

    [[nodiscard]] Offers commands() const {
        Offers offers;
        for (const CLI::App* inner : command_->get_subcommands(k_all))
            if (!inner->get_group().empty())
                offers.words.push_back({.word = inner->get_name(), .meaning = inner->get_description()});
        return offers;
    }

    [[nodiscard]] Offers option_names() const {
        Offers offers;
        for (const OptionText& option : options_)
            if (!option.positional)
                offers.words.push_back({.word = option.names.back(), .meaning = option.meaning});
        return offers;
    }

    [[nodiscard]] Offers values_of(const OptionText& option, const OfferSources& sources) const {
        const std::string& kind = option.positional ? option.names.front() : option.value;
        if (kind == "PID")
            return {.words = sources.pids()};
        if (kind == "NAME")
            return {.words = sources.names()};
        if (kind == "SHELL")
            return {.words = {{.word = "bash"}, {.word = "zsh"}, {.word = "fish"}}};
        if (kind == "FORM")
            return {.words = {{.word = "auto"}, {.word = "none"}, {.word = "json"}}};
        if (kind == "DIR" || kind == "STORE")
            return {.words = {}, .paths = Paths::folders};
        if (kind == "ZIP" || kind == "LATER" || kind == "CHECKPOINT") {
            Offers offers{.words = sources.checkpoints(folder_), .paths = Paths::files};
            if (kind == "CHECKPOINT")
                offers.words.insert(offers.words.begin(), {.word = "latest", .meaning = "the newest of all"});
            return offers;
        }
        return {.words = {}, .paths = kind == "FILE" ? Paths::files : Paths::none};
    }

    const CLI::App* command_;
    std::vector<OptionText> program_options_;
    std::vector<OptionText> options_;
    // The option whose value comes next.
    const OptionText* pending_ = nullptr;
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

Offers complete(const CLI::App& program, const std::vector<std::string>& words, const OfferSources& sources) {
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
