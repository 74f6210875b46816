// SPDX-License-Identifier: Apache-2.0
// The role `keeper`: the process that answers for the memory of a lazily restored tree, in a session of its own: it
// starts the server that puts the memory in place (lazy/server.hpp), and holds every userfaultfd beside it. When the
// server fails or is killed it ends the tree: for a userfaultfd that nobody holds any more the kernel gives zeros for
// what is missing, and the tree would run on wrong data. It ends when all memory is there, or when the tree is gone.
#pragma once

#include "cedana/roles/role.hpp"

namespace cedana {

[[nodiscard]] roles::Role lazy_keeper();

} // namespace cedana
