// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/unsent_hold.hpp"

#include "cedana/base/error.hpp"
#include "cedana/checkpoint/unsent_connections.hpp"

#include <spdlog/spdlog.h>

namespace cedana {

void hold_unsent(const RestoreDraft& draft, std::optional<ConnectionHold>& hold) {
    if (draft.needs.own_network)
        return;
    try {
        hold.emplace(unsent_connections(*draft.checkpoint, draft.needs.inet));
        if (!hold->holds())
            hold.reset();
    } catch (const Error& error) {
        spdlog::debug("which connections have data to send is not known: {}", error.message());
    }
}

} // namespace cedana
