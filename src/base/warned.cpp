// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/warned.hpp"

#include <spdlog/spdlog.h>

namespace cedana {

void Warned::fails(std::string_view what, std::string_view text) {
    if (failing_.emplace(what).second)
        spdlog::warn("{}", text);
}

void Warned::works(std::string_view what) {
    if (const auto found = failing_.find(what); found != failing_.end())
        failing_.erase(found);
}

} // namespace cedana
