// SPDX-License-Identifier: Apache-2.0
#include "cedana/roles/copier.hpp"
#include "cedana/roles/file_reader.hpp"
#include "cedana/roles/guard.hpp"
#include "cedana/roles/kept_numbers.hpp"
#include "cedana/roles/pid_namespace.hpp"
#include "cedana/roles/role.hpp"
#include "cedana/roles/terminal.hpp"
#include "cedana/roles/trial.hpp"

namespace cedana::roles {

std::vector<Role> own_roles() { return {guard(), terminal(), copier(), pidns(), init(), reader(), trial(), numbers()}; }

} // namespace cedana::roles
