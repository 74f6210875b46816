// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/system_names.hpp"

#include <sys/utsname.h>

namespace cedana {

SystemNames system_names() {
    struct utsname names {};
    ::uname(&names);
    return {.host = names.nodename, .kernel = names.release, .machine = names.machine};
}

} // namespace cedana
