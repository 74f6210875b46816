// SPDX-License-Identifier: Apache-2.0
// How an engine calls an OCI runtime: `runtime [GLOBAL…] COMMAND [OPTION…] ID`, in the words that runc and crun have in
// common (runc(8), crun(1)). Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace cedana::containers {

struct RuntimeCall {
    // As they came.
    std::vector<std::string> global = {};
    // "create"; empty: none, as of `runtime --version`.
    std::string command = {};
    // Behind it, without the id.
    std::vector<std::string> options = {};
    // The last word; empty where the command has none.
    std::string id = {};
    // Of the options: the folder of the container's config.json; that in which the runtime is started unless said.
    std::string bundle = ".";
};

[[nodiscard]] RuntimeCall parse_runtime_call(const std::vector<std::string>& words);

// The command that restores where the call was to make: the same options, as far as `restore` has them.
struct RestoreWords {
    std::string images;
    std::string work;
    bool empty_network = false;
};
[[nodiscard]] std::vector<std::string> restore_words(const RuntimeCall& create, const RestoreWords& restore);

} // namespace cedana::containers
