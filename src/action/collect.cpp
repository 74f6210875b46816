// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/collect.hpp"

namespace cedana {

void collect(std::vector<Error>& refusals, const std::function<void()>& work) {
    try {
        work();
    } catch (const Error& error) {
        if (error.fault() == Fault::interrupted)
            throw;
        refusals.push_back(error);
    }
}

} // namespace cedana
