// SPDX-License-Identifier: Apache-2.0
// Lines that say one thing of many objects, as one line with a count: a tree may have hundreds of processes and files.
#pragma once

#include <string>
#include <vector>

namespace cedana {

// What is said of one object.
struct Said {
    std::string sentence = {};
    // "/var/log/a", "process 42 (name)".
    std::string object = {};
    // The same for all objects of which the same is said.
    std::string kind = {};
};
// One sentence of each kind, in the order of the first ones: "SENTENCE; the same goes for OBJECT, OBJECT and 7 more",
// or "SENTENCE (8 times)" where all is said of one object.
[[nodiscard]] std::vector<std::string> said_once(const std::vector<Said>& all);

// Of sentences that name a process as "process 42 (name)" and differ in nothing but that and numbers.
[[nodiscard]] std::vector<std::string> said_once_of_processes(const std::vector<std::string>& sentences);

} // namespace cedana
