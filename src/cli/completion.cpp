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

// A name of a stranger's. No shell shows a control character as such, and what begins with one of these would be an
// option, or a word of the scripts' own.
bool is_offered(const std::string& name) {
    return !name.empty() && name.front() != '-' && name.front() != ':' && printable(name) == name;
}

// The words up to the last one, understood as far as they go.
class TypedLine {
  public:
    TypedLine(const Command& program, const std::vector<std::string>& words)
        : program_(&program), command_(&program), options_(program.options) {
        for (std::size_t i = 0; i + 1 < words.size(); ++i)
            read_word(words[i]);
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
    void read_word(const std::string& word) {
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

    [[nodiscard]] static std::vector<Offer> offered(std::vector<Offer> words) {
        std::erase_if(words, [](const Offer& offer) { return !is_offered(offer.word); });
        return words;
    }

    [[nodiscard]] Offers values_of(const Option& option, const OfferSources& sources) const {
        switch (option.complete) {
        case Complete::pids:
            return {.words = sources.pids()};
        case Complete::names:
            return {.words = offered(sources.names())};
        case Complete::folders:
            return {.words = {}, .paths = Paths::folders};
        case Complete::files:
            return {.words = {}, .paths = Paths::files};
        case Complete::checkpoints:
        case Complete::checkpoints_or_latest: {
            Offers offers{.words = offered(sources.checkpoints(folder_)), .paths = Paths::files};
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

// Every word that is offered may be the name of a stranger's process or file: each script quotes it for its shell.
constexpr std::string_view k_bash = R"BASH(# bash completion for cedana; load it with: source <(cedana completion bash)
# What a word means once its quotes are taken off, in REPLY; the quote that is still open, in open. Nothing is expanded.
_cedana_plain() {
    local i character
    REPLY='' open=''
    for ((i = 0; i < ${#1}; i++)); do
        character=${1:i:1}
        if [[ -n $open && $character == "$open" ]]; then
            open=''
        elif [[ -z $open && $character == [\'\"] ]]; then
            open=$character
        elif [[ $character == \\ && $open != \' ]]; then
            i=$((i + 1))
            REPLY+=${1:i:1}
        else
            REPLY+=$character
        fi
    done
}
# A word as it is safe behind what is typed, in REPLY. Within quotes readline puts it in as it is.
_cedana_quoted() {
    case $2 in
    \') [[ $1 != *\'* ]] && REPLY=$1 ;;
    \") [[ $1 != *[\"\\\$\`\!]* ]] && REPLY=$1 ;;
    *) printf -v REPLY %q "$1" ;;
    esac
}
_cedana() {
    local typed=${COMP_WORDS[COMP_CWORD]} REPLY open current line word
    local -a words=() lines=() shown=()
    COMPREPLY=()
    for word in "${COMP_WORDS[@]:1:COMP_CWORD}"; do
        _cedana_plain "$word"
        words+=("$REPLY")
    done
    current=$REPLY
    # Of a word with quotes inside of it readline replaces a part alone.
    word=${typed//\\?/}
    case ${word#"$open"} in *[\'\"]*) return ;; esac
    mapfile -t lines < <("${COMP_WORDS[0]}" completion words -- "${words[@]}" 2>/dev/null)
    for line in "${lines[@]}"; do
        case $line in
        :files) compopt -o default ;;
        :folders) compopt -o dirnames ;;
        *)
            word=${line%%$'\t'*}
            [[ $word == "$current"* ]] && _cedana_quoted "$word" "$open" || continue
            COMPREPLY+=("$REPLY")
            [ "$word" = "$line" ] || REPLY+="  # ${line#*$'\t'}"
            shown+=("$REPLY")
            ;;
        esac
    done
    # Meanings are for a list that is shown (?, !, @). Whatever else readline does, it puts words into the line.
    case $COMP_TYPE in
    63 | 33 | 64) [ ${#shown[@]} -lt 2 ] || COMPREPLY=("${shown[@]}") ;;
    esac
}
complete -o nosort -F _cedana cedana
)BASH";

constexpr std::string_view k_zsh = R"ZSH(#compdef cedana
# zsh completion for cedana: put this file as _cedana into a folder of $fpath.
_cedana() {
    local line word
    local -a offered paths
    for line in "${(@f)$(${words[1]} completion words -- "${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
        case $line in
        (:files) paths=(_files) ;;
        (:folders) paths=(_files -/) ;;
        # _describe takes one level of backslashes off, and compadd quotes what it puts into the line.
        (?*) word=${line%%$'\t'*}; offered+=("${${word//\\/\\\\}//:/\\:}:${line#*$'\t'}") ;;
        esac
    done
    # The path of a checkpoint is a word and a file: of both zsh would put in what they have in common.
    (( ${#offered} )) && _describe -V cedana offered && return
    "${paths[@]}"
}
if [ "$funcstack[1]" = _cedana ]; then
    _cedana "$@"
else
    compdef _cedana cedana
fi
)ZSH";

constexpr std::string_view k_fish = R"FISH(# fish completion for cedana; load it with: cedana completion fish | source
# fish quotes each word that it puts into the line.
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
)FISH";

} // namespace

Offers complete(const Command& program, const std::vector<std::string>& words, const OfferSources& sources) {
    return TypedLine(program, words).offers(sources);
}

std::string offers_text(const Offers& offers) {
    std::string text;
    for (const Offer& offer : offers.words)
        text +=
            offer.word + (offer.meaning.empty() ? std::string() : fmt::format("\t{}", printable(offer.meaning))) + "\n";
    return text + (offers.paths == Paths::files ? ":files\n" : offers.paths == Paths::folders ? ":folders\n" : "");
}

std::string_view completion_script(std::string_view shell) {
    return shell == "bash" ? k_bash : shell == "zsh" ? k_zsh : shell == "fish" ? k_fish : std::string_view();
}

} // namespace cedana
