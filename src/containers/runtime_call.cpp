// SPDX-License-Identifier: Apache-2.0
#include "cedana/containers/runtime_call.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace cedana::containers {

namespace {

// Those before the command that take a value: runc's and crun's.
constexpr std::array k_valued = {"--root", "--log",      "--log-format",    "--log-level",
                                 "--criu", "--rootless", "--cgroup-manager"};
// Those of `create` that `restore` has too.
constexpr std::array k_kept_valued = {"--bundle", "-b", "--console-socket", "--pid-file"};
constexpr std::array k_kept_flags = {"--no-pivot", "--no-new-keyring"};

template <std::size_t Count>
bool is_one_of(const std::array<const char*, Count>& all, std::string_view word) {
    return std::ranges::any_of(all, [&](std::string_view one) { return one == word; });
}

// "--bundle" of "--bundle=/x".
std::string_view name_of_option(std::string_view word) { return word.substr(0, word.find('=')); }

bool has_value_in_it(std::string_view word) { return word.find('=') != std::string_view::npos; }

} // namespace

RuntimeCall parse_runtime_call(const std::vector<std::string>& words) {
    RuntimeCall call;
    std::size_t at = 0;
    for (; at < words.size() && words[at].starts_with('-'); ++at) {
        call.global.push_back(words[at]);
        if (is_one_of(k_valued, words[at]) && at + 1 < words.size())
            call.global.push_back(words[++at]);
    }
    if (at == words.size())
        return call;
    call.command = words[at++];
    call.options.assign(words.begin() + static_cast<std::ptrdiff_t>(at), words.end());
    if (!call.options.empty() && !call.options.back().starts_with('-')) {
        call.id = call.options.back();
        call.options.pop_back();
    }
    for (std::size_t i = 0; i < call.options.size(); ++i) {
        const std::string& word = call.options[i];
        if (const auto name = name_of_option(word); name != "--bundle" && name != "-b")
            continue;
        if (has_value_in_it(word))
            call.bundle = word.substr(word.find('=') + 1);
        else if (i + 1 < call.options.size())
            call.bundle = call.options[i + 1];
    }
    return call;
}

std::vector<std::string> restore_words(const RuntimeCall& create, const RestoreWords& restore) {
    std::vector<std::string> words = create.global;
    words.insert(words.end(), {"restore", "--detach", "--image-path", restore.images, "--work-path", restore.work});
    if (restore.empty_network)
        words.insert(words.end(), {"--empty-ns", "network"});
    for (std::size_t i = 0; i < create.options.size(); ++i) {
        const std::string& word = create.options[i];
        if (is_one_of(k_kept_flags, word) ||
            (has_value_in_it(word) && is_one_of(k_kept_valued, name_of_option(word)))) {
            words.push_back(word);
        } else if (is_one_of(k_kept_valued, word) && i + 1 < create.options.size()) {
            words.push_back(word);
            words.push_back(create.options[++i]);
        }
    }
    words.push_back(create.id);
    return words;
}

} // namespace cedana::containers
