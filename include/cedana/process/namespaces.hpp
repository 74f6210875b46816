// SPDX-License-Identifier: Apache-2.0
// The namespaces that a process lives in, by the links in /proc/PID/ns; see namespaces(7).
#pragma once

#include "cedana/process/procfs.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace cedana {

class Namespaces {
  public:
    Namespaces() = default;
    // Those that can be seen.
    Namespaces(const Procfs& procfs, pid_t pid);

    // "net:[4026531840]" for "net"; absent if it cannot be seen.
    [[nodiscard]] std::optional<std::string> get(std::string_view kind) const;
    // Of every kind that can be seen.
    [[nodiscard]] const std::map<std::string, std::string, std::less<>>& all() const noexcept { return links_; }

    // As another has that kind.
    void take(std::string_view kind, const Namespaces& other);

  private:
    std::map<std::string, std::string, std::less<>> links_;
};

// False also where one of the two cannot be seen.
[[nodiscard]] bool differ(const Namespaces& one, const Namespaces& other, std::string_view kind);

} // namespace cedana
