// SPDX-License-Identifier: Apache-2.0
// One thing that a host must have, or had better have, to dump and restore: what was found, and what to do about it.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace cedana {

// doubtful: dump and restore work, but not for every process or not as well as they could.
enum class Standing { good, doubtful, bad };

// "ok", "warn", "fail"
[[nodiscard]] std::string_view name_of(Standing standing);

struct Requirement {
    // "root", "criu", "userfaultfd"
    std::string name;
    Standing standing = Standing::good;
    std::string found;
    // The rest is empty for what is good.
    std::string needed = {};
    // Something to type or change.
    std::string remedy = {};
    // How it stays so after the next boot, or for every run; empty where the remedy lasts.
    std::string permanent = {};
};

[[nodiscard]] inline Requirement met(std::string name, std::string found) {
    return {.name = std::move(name), .standing = Standing::good, .found = std::move(found)};
}

} // namespace cedana
