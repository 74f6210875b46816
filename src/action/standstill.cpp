// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/standstill.hpp"

namespace cedana {

void Standstill::end() noexcept {
    log_.let();
    stops_.let();
    has_left_limits_ = !limits_->put_back();
}

} // namespace cedana
