// SPDX-License-Identifier: Apache-2.0
// What a shell offers at TAB: commands, options, pids with their names, checkpoints. The scripts that shells load ask
// the program itself, so that they never differ from it.
#pragma once

#include "cedana/cli/command.hpp"

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace cedana {

struct Offer {
    std::string word;
    // Empty if the word says it all.
    std::string meaning = {};
};

// What else the shell offers by itself.
enum class Paths { none, files, folders };

struct Offers {
    std::vector<Offer> words;
    Paths paths = Paths::none;
};

// Where words come from that the command line does not declare. `folder`: behind -d or DIR; empty if there is none.
struct OfferSources {
    std::function<std::vector<Offer>()> pids;
    std::function<std::vector<Offer>()> names;
    std::function<std::vector<Offer>(const std::string& folder)> checkpoints;
};

// `words`: those behind the program's name, the last one as far as it is typed.
[[nodiscard]] Offers complete(const Command& program, const std::vector<std::string>& words,
                              const OfferSources& sources);

// "WORD<TAB>MEANING" lines; ":files" or ":folders" as the last.
[[nodiscard]] std::string offers_text(const Offers& offers);

// The script for "bash", "zsh" or "fish"; empty for another shell.
[[nodiscard]] std::string_view completion_script(std::string_view shell);

} // namespace cedana
